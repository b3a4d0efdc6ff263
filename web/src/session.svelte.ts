import { api, body, whenSessionEnds } from './api/client';

class Session {
  state = $state<'unknown' | 'unreachable' | 'setup' | 'out' | 'in'>('unknown');
  version = $state('');

  async ask(): Promise<void> {
    try {
      const { setup_needed, logged_in, version } = await body(api.GET('/api/v1/session'));
      this.version = version;
      this.state = setup_needed ? 'setup' : logged_in ? 'in' : 'out';
    } catch {
      this.state = 'unreachable';
    }
  }

  async enter(password: string, code: string): Promise<void> {
    await body(api.POST('/api/v1/login', { body: code ? { password, code } : { password } }));
    this.state = 'in';
  }

  async found(password: string, code: string): Promise<void> {
    await body(api.POST('/api/v1/setup', { body: code ? { password, code } : { password } }));
    this.state = 'in';
  }

  async leave(): Promise<void> {
    await body(api.POST('/api/v1/logout'));
    this.state = 'out';
  }
}

export const session = new Session();

whenSessionEnds(() => {
  if (session.state === 'in') session.state = 'out';
});
