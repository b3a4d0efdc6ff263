/** A sentence at the edge of the page, for a while. */
export interface Notice {
  id: number;
  text: string;
  undo?: () => Promise<void>;
}

/** More than this would cover the page; the oldest gives way. */
const MOST = 3;

class Notices {
  shown = $state.raw<Notice[]>([]);
  #next = 1;

  tell(text: string, undo?: () => Promise<void>): void {
    this.shown = [...this.shown, { id: this.#next++, text, undo }].slice(-MOST);
  }

  close(id: number): void {
    this.shown = this.shown.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
