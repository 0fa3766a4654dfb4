import { readFile } from 'node:fs/promises';
import type { Exchange } from '@gantry/engine-api/http';
import { dockerVersion, type Engine } from '../engine.ts';
import { goArchitecture } from './version.ts';

async function operatingSystem(): Promise<{ name: string; version: string }> {
  let text: string;
  try {
    text = await readFile('/etc/os-release', 'utf8');
  } catch (error) {
    if (error instanceof Error) return { name: 'Linux', version: '' };
    throw error;
  }
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { name: field('PRETTY_NAME') || 'Linux', version: field('VERSION_ID') };
}

function countStates(engine: Engine): { running: number; paused: number; stopped: number; all: number } {
  const counts = { running: 0, paused: 0, stopped: 0, all: 0 };
  for (const { state } of engine.runtime.containers.list()) {
    counts.all++;
    if (state.status === 'paused') counts.paused++;
    else if (state.pid !== 0) counts.running++;
    else counts.stopped++;
  }
  return counts;
}

/** GET /info */
export async function describeEngine(engine: Engine, exchange: Exchange): Promise<void> {
  const { facts } = engine.runtime;
  const { identity } = engine;
  const counts = countStates(engine);
  const system = await operatingSystem();
  const has = (controller: string) => facts.controllers.includes(controller);
  exchange.sendJson(200, {
    ID: identity.id,
    Containers: counts.all,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: engine.runtime.images.list().length,
    Driver: 'overlay2',
    DriverStatus: [
      ['Supports d_type', 'true'],
      ['Native Overlay Diff', 'true'],
    ],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: ['json-file', 'local'] },
    MemoryLimit: has('memory'),
    SwapLimit: has('memory'),
    CpuCfsPeriod: has('cpu'),
    CpuCfsQuota: has('cpu'),
    CPUShares: has('cpu'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pids'),
    IPv4Forwarding: true,
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
    Debug: false,
    NFd: 0,
    OomKillDisable: facts.cgroupVersion === 1,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(facts.cgroupVersion),
    NEventsListener: 0,
    KernelVersion: facts.kernel,
    OperatingSystem: system.name,
    OSVersion: system.version,
    OSType: 'linux',
    Architecture: goArchitecture(facts.architecture) === 'amd64' ? 'x86_64' : facts.architecture,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: {
      AllowNondistributableArtifactsCIDRs: null,
      AllowNondistributableArtifactsHostnames: null,
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
      IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } },
      Mirrors: null,
    },
    NCPU: facts.cpus,
    MemTotal: facts.memoryBytes,
    GenericResources: null,
    DockerRootDir: identity.dataDir,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: identity.name,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: dockerVersion,
    Runtimes: { 'gantry-executor': { path: 'gantry-executor' } },
    DefaultRuntime: 'gantry-executor',
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'gantry-executor',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: identity.commit },
    InitCommit: { ID: '' },
    SecurityOptions: [...(facts.hasSeccomp ? ['name=seccomp,profile=builtin'] : []), 'name=cgroupns'],
    CDISpecDirs: [],
    Warnings: null,
  });
}
