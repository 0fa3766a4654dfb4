import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, zeroTime } from '@gantry/engine-api/protocol';
import { hasCode } from '@gantry/platform/errors';
import type { Container, ContainerUsage } from '@gantry/runtime/containers';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { drained } from './process-pump.ts';

const periodMs = 1000;

function cpuStats(usage: ContainerUsage | null): Record<string, unknown> {
  if (usage === null)
    return {
      cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    };
  const { cpu } = usage.stats;
  return {
    cpu_usage: { total_usage: cpu.usageNs, usage_in_kernelmode: cpu.systemNs, usage_in_usermode: cpu.userNs },
    system_cpu_usage: usage.hostCpuNs,
    online_cpus: usage.onlineCpus,
    throttling_data: { periods: cpu.periods, throttled_periods: cpu.throttledPeriods, throttled_time: cpu.throttledNs },
  };
}

function memoryStats({ stats: { memory } }: ContainerUsage): Record<string, unknown> {
  return {
    usage: memory.usageBytes,
    max_usage: memory.maxUsageBytes,
    // The CLI subtracts what the kernel can drop at once; v1 and v2 clients look under different names.
    stats: { cache: memory.cacheBytes, inactive_file: memory.inactiveFileBytes, total_inactive_file: memory.inactiveFileBytes },
    limit: memory.limitBytes,
  };
}

function networkStats({ stats }: ContainerUsage): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(stats.networks).map(([name, counters]) => [
      name,
      {
        rx_bytes: counters.rxBytes,
        rx_packets: counters.rxPackets,
        rx_errors: counters.rxErrors,
        rx_dropped: counters.rxDropped,
        tx_bytes: counters.txBytes,
        tx_packets: counters.txPackets,
        tx_errors: counters.txErrors,
        tx_dropped: counters.txDropped,
      },
    ]),
  );
}

function toStats(container: Container, usage: ContainerUsage | null, before: ContainerUsage | null): Record<string, unknown> {
  const shared = { id: container.id, name: `/${container.name}`, os_type: 'linux', num_procs: 0, storage_stats: {} };
  if (usage === null) {
    const idle = { blkio_stats: {}, pids_stats: {}, memory_stats: {}, cpu_stats: cpuStats(null), precpu_stats: cpuStats(null) };
    return { ...shared, read: zeroTime, preread: zeroTime, ...idle };
  }
  const { blockIo, pids, readAt } = usage.stats;
  const transfer = (op: string, value: number) => ({ major: 0, minor: 0, op, value });
  return {
    ...shared,
    read: readAt,
    preread: before?.stats.readAt ?? zeroTime,
    pids_stats: { current: pids.current, ...(pids.limit > 0 ? { limit: pids.limit } : {}) },
    blkio_stats: {
      io_service_bytes_recursive: [transfer('read', blockIo.readBytes), transfer('write', blockIo.writeBytes)],
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    cpu_stats: cpuStats(usage),
    precpu_stats: cpuStats(before),
    memory_stats: memoryStats(usage),
    networks: networkStats(usage),
  };
}

/** Null for a container without a process: it uses nothing. */
async function observeUsage(engine: Engine, id: string): Promise<ContainerUsage | null> {
  if (engine.runtime.containers.find(id)?.state.pid === 0) return null;
  try {
    return await engine.runtime.containers.stats(id);
  } catch (error) {
    if (hasCode(error, 'not-found') || hasCode(error, 'wrong-state')) return null;
    throw error;
  }
}

/** GET /containers/{name}/stats */
export async function containerStats(engine: Engine, exchange: Exchange): Promise<void> {
  const streams = exchange.boolean('stream', true);
  const isOneShot = exchange.boolean('one-shot');
  if (streams && isOneShot) throw new EngineError(400, 'cannot have stream=true and one-shot=true');
  const container = getContainer(engine, exchange.param('name'));
  let before: ContainerUsage | null = null;
  if (!streams) {
    if (!isOneShot && container.state.pid !== 0) {
      before = await observeUsage(engine, container.id);
      await sleep(periodMs, undefined, { signal: exchange.signal });
    }
    exchange.sendJson(200, toStats(container, await observeUsage(engine, container.id), before));
    return;
  }
  const body = exchange.startStream('application/json');
  while (!exchange.signal.aborted && engine.runtime.containers.find(container.id) !== undefined) {
    const usage = await observeUsage(engine, container.id);
    body.write(`${JSON.stringify(toStats(container, usage, before))}\n`);
    await drained(body);
    before = usage;
    try {
      await sleep(periodMs, undefined, { signal: exchange.signal });
    } catch (error) {
      if (exchange.signal.aborted) return;
      throw error;
    }
  }
  body.end();
}
