import type { JobRun, Service } from '@gantry/contracts/http-api';
import { invalid } from '@gantry/platform/errors';
import type { Command } from 'commander';
import { connect } from '../client.ts';
import { toTable } from '../table.ts';
import { findService } from './service.ts';
import { everything } from './show.ts';

function scheduleOf({ spec: { mode } }: Service): string {
  if (mode.type !== 'cron') return '';
  return `${mode.schedule} ${mode.timeZone}${mode.isSuspended ? ' (suspended)' : ''}`;
}

async function listJobs(): Promise<void> {
  const { client } = await connect();
  const services = await everything((cursor) => client.services.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const jobs = services.filter(({ spec }) => spec.mode.type === 'job' || spec.mode.type === 'cron');
  console.log(
    toTable(
      ['JOB', 'SCHEDULE', 'STATE', ''],
      jobs.map((job) => [job.spec.name, scheduleOf(job), job.status.state, job.status.message]),
    ),
  );
}

const rowOf = (run: JobRun): string[] => [
  String(run.number),
  run.state,
  run.dueAt ?? 'by hand',
  run.startedAt,
  run.endedAt ?? '',
  `${run.succeeded} done, ${run.failed} failed`,
  run.message,
];

async function showHistory(name: string): Promise<void> {
  const { client } = await connect();
  const { id } = await findService(client, name);
  const runs = await everything((cursor) => client.jobs.runs({ serviceId: id, limit: 1000, ...(cursor ? { cursor } : {}) }));
  console.log(toTable(['RUN', 'STATE', 'DUE', 'STARTED', 'ENDED', 'TASKS', ''], runs.map(rowOf)));
}

async function runJob(name: string): Promise<void> {
  const { client } = await connect();
  const { id } = await findService(client, name);
  const { number } = await client.jobs.run({ serviceId: id });
  console.log(`${name}: run ${number} begins; \`gantry job history ${name}\` shows how it goes`);
}

async function cancelRun(name: string, run: string): Promise<void> {
  const number = Number(run);
  if (!Number.isInteger(number) || number < 1) throw invalid(`"${run}" is no run; \`gantry job history ${name}\` lists them`);
  const { client } = await connect();
  const { id } = await findService(client, name);
  await client.jobs.cancel({ serviceId: id, number });
  console.log(`${name}: run ${number} is cancelled`);
}

async function suspend(name: string, isSuspended: boolean): Promise<void> {
  const { client } = await connect();
  const { id } = await findService(client, name);
  await (isSuspended ? client.jobs.suspend({ serviceId: id }) : client.jobs.resume({ serviceId: id }));
  console.log(isSuspended ? `${name}: no more runs until it is resumed` : `${name}: runs by its schedule again`);
}

export function addJobCommands(program: Command): void {
  const job = program.command('job').description('services that run to completion, once or by a schedule');
  job.command('ls').description('list them, with their last run').action(listJobs);
  job.command('run <job>').description('run it now').action(runJob);
  job.command('history <job>').description('list its runs, newest first').action(showHistory);
  job.command('cancel <job> <run>').description('end a run and its tasks').action(cancelRun);
  job
    .command('suspend <job>')
    .description('let the ticks of its schedule pass')
    .action((name: string) => suspend(name, true));
  job
    .command('resume <job>')
    .description('take the ticks of its schedule again')
    .action((name: string) => suspend(name, false));
}
