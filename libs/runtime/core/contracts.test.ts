import { afterAll, beforeAll } from 'vitest';
import { containersSuite } from '../containers/containers.suite.ts';
import { imagesSuite } from '../images/images.suite.ts';
import { busybox, busyboxTar, loadBusybox, openRuntimeFixture, type RuntimeFixture } from './fixture.suite.ts';

let fixture: RuntimeFixture;
beforeAll(async () => {
  fixture = await openRuntimeFixture();
  await loadBusybox(fixture.runtime);
});
afterAll(() => fixture?.close());

containersSuite('on the executor', () => ({ containers: fixture.runtime.containers, image: busybox }));
imagesSuite('on content and snapshots', () => ({ images: fixture.runtime.images, archive: busyboxTar }));
