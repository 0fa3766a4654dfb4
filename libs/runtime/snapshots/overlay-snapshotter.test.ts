import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@gantry/platform/node';
import { openLocalStore } from '@gantry/runtime/content';
import { startExecutor } from '@gantry/runtime/executor';
import { openSqliteStore } from '@gantry/runtime/metadata';
import { afterEach } from 'vitest';
import { openOverlaySnapshotter } from './overlay-snapshotter.ts';
import { snapshotterSuite } from './snapshotter.suite.ts';

const executorPath = join(import.meta.dirname, '../../../apps/agent/executor/target/release/gantry-executor');
let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

snapshotterSuite('on overlayfs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-snapshots-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const logger = silentLogger();
  const executor = await startExecutor({ executorPath, root: join(directory, 'executor'), logger });
  cleanup.defer(() => executor.close());
  const metadata = openSqliteStore(join(directory, 'metadata.db'));
  cleanup.defer(() => metadata.close());
  const content = openLocalStore({ directory: join(directory, 'content'), metadata, logger });
  const open = () => openOverlaySnapshotter({ directory: join(directory, 'snapshots'), metadata, content, executor, logger });
  return { snapshots: open(), content, reopen: open };
});
