import { join } from 'node:path';
import type { NodeFacts } from '@gantry/contracts/agent-link';
import { newestApiVersion } from '@gantry/engine-api/protocol';
import type { Logger } from '@gantry/platform/node';
import { openRuntime } from '@gantry/runtime/core';
import type { AgentConfig } from './config.ts';
import { startDaemon } from './daemon/index.ts';
import { readEngineId } from './engine-id.ts';
import { observeHost } from './facts/host-facts.ts';
import { checkHost, checkOverlay } from './host-requirements.ts';
import { AgentLink } from './link/agent-link.ts';
import { Identity } from './link/identity.ts';
import { StatusOutbox } from './link/status-outbox.ts';
import { PayloadStore, Reconciler, TaskStore } from './reconcile/index.ts';
import { version } from './version.ts';

export interface Agent {
  /** Containers run on. */
  close(): Promise<void>;
}

/** Everything the agent is made of, from the kernel up; what was started is closed in the opposite order, also when a later part fails. */
export async function startAgent(config: AgentConfig, logger: Logger): Promise<Agent> {
  const parts = new AsyncDisposableStack();
  try {
    await wire(config, logger, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
  return { close: () => parts.disposeAsync() };
}

async function wire(config: AgentConfig, logger: Logger, parts: AsyncDisposableStack): Promise<void> {
  const closing = new AbortController();

  await checkHost(config);
  const runtime = await openRuntime({
    dataDir: config.dataDir,
    stateDir: config.stateDir,
    executorPath: config.executorPath,
    ...(config.ociRuntimePath === null ? {} : { ociRuntimePath: config.ociRuntimePath }),
    logger,
    instance: config.instance,
    bridge: { name: config.bridge, subnet: config.bridgeSubnet },
    addressPools: config.addressPools,
    cgroupParent: config.cgroupParent,
    insecureRegistries: config.insecureRegistries,
  });
  parts.defer(() => runtime.close());
  checkOverlay(runtime.facts.hasOverlay);

  const daemon = await startDaemon({
    runtime,
    identity: { id: await readEngineId(config.dataDir), name: config.nodeName, version, commit: '', dataDir: config.dataDir },
    socketPath: config.engineSocket,
    ...(config.engineTcp === null ? {} : { tcp: { ...config.engineTcp, tlsDir: config.engineTlsDir } }),
    insecureRegistries: config.insecureRegistries,
    log: logger,
  });
  parts.defer(() => daemon.close());

  if (config.serverUrl !== null) {
    const store = new TaskStore(join(config.dataDir, 'tasks.db'));
    parts.defer(() => store.close());

    const payloads = new PayloadStore(join(config.stateDir, 'payloads'));
    parts.defer(() => payloads.close());

    const outbox = new StatusOutbox();
    const reconciler = new Reconciler({ runtime, store, payloads, report: (status) => outbox.put(status), logger });
    const reconciling = reconciler.run(closing.signal);
    parts.defer(() => {
      closing.abort();
      return reconciling;
    });

    const facts = (): NodeFacts => ({
      ...observeHost({ ownInterfaces: [config.bridge] }),
      agentVersion: version,
      executorVersion: runtime.facts.executorVersion,
      engineApiVersion: newestApiVersion,
      engineSocket: config.engineSocket,
      genericResources: config.genericResources,
    });
    const link = new AgentLink({
      serverUrl: config.serverUrl,
      joinToken: config.joinToken,
      nodeName: config.nodeName,
      identity: await Identity.open(config.dataDir),
      facts,
      build: version,
      engineSocket: config.engineSocket,
      outbox,
      logger,
      latestStatuses: () => store.records,
      onPayloads: (delivered) => payloads.receive(delivered),
      onAssignments: (assignments) => reconciler.assign(assignments),
      onNewNode: () => reconciler.startOver(),
      onLinkChanged: (isLinked) => reconciler.setLinked(isLinked),
    });
    const linking = link.run(closing.signal);
    parts.defer(() => {
      closing.abort();
      return linking;
    });
  }
}
