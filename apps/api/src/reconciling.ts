import { runReconcilerThread } from './reconcilers/reconciler-thread.ts';

/** The program of the thread that decides: it loads nothing of what answers requests. */
await runReconcilerThread();
