import { whenOutdated } from './api/client';
import { changes } from './api/load.svelte';
import { t } from './lang/lang.svelte';
import { notices } from './notices.svelte';

// Someone else changed what this page was about to change. Nothing was changed, so it is shown as it is now, and said.
whenOutdated(() => {
  changes.times += 1;
  notices.tell(t('trouble.meanwhile'));
});
