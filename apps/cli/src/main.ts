import { describeError } from '@gantry/platform/errors';
import { Command } from 'commander';
import { createJoinToken, deploy, removeStack, scale } from './commands/change.ts';
import { addDeadLetterCommands } from './commands/dead-letters.ts';
import { execIn } from './commands/exec.ts';
import { addJobCommands } from './commands/job.ts';
import { joinCluster, up } from './commands/local.ts';
import { login } from './commands/login.ts';
import { showLogs } from './commands/logs.ts';
import { addNodeCommands } from './commands/node.ts';
import { addPayloadCommands } from './commands/payload.ts';
import { addServiceCommands } from './commands/service.ts';
import { showNodes, showServices, showTasks } from './commands/show.ts';
import { showWhy } from './commands/why.ts';

const program = new Command('gantry').description('Containers on 1 to 1,000 Linux hosts').version('0.1.0').enablePositionalOptions();

program
  .command('up [options...]')
  .description('run the whole product on this host, from a clone; takes the options of npm start')
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (args: string[]) => {
    process.exitCode = await up(args);
  });
program
  .command('join <url> [token]')
  .description('make this host a node of the control plane at URL')
  .option('--data-dir <dir>', 'where the node keeps its state', '/var/lib/gantry')
  .option('--name <name>', "the node's name")
  .action(async (url: string, token: string | undefined, options: { dataDir: string; name?: string }) => {
    process.exitCode = await joinCluster(url, token, options);
  });
program
  .command('login <url>')
  .description('sign in and keep an API token on this machine')
  .option('--email <email>', 'whose account', 'admin@gantry.local')
  .option('--password-stdin', 'read the password from standard input', false)
  .action(login);
program.command('join-token').description('make a token for a new node').action(createJoinToken);
program.command('nodes').description('list nodes').action(showNodes);
program.command('services').description('list services').action(showServices);
program.command('ps').description('list tasks').option('-a, --all', 'also those that ended', false).action(showTasks);
program
  .command('deploy <file>')
  .description('make a stack what the Compose file says')
  .option('--name <name>', "the stack's name; the file's folder unless told")
  .action(deploy);
program.command('rm <stack>').description('remove a stack and its services').action(removeStack);
program.command('scale <service> <tasks>').description('set the number of tasks').action(scale);
program.command('why <name>').description('explain why a task or a service is as it is').action(showWhy);
addDeadLetterCommands(program);
addNodeCommands(program);
addServiceCommands(program);
addJobCommands(program);
addPayloadCommands(program, 'secret');
addPayloadCommands(program, 'config');
program
  .command('logs <task>')
  .description("print a task's log")
  .option('-f, --follow', 'stay and print what comes', false)
  .option('-n, --tail <lines>', 'start with the last lines', '200')
  .action(showLogs);
program
  .command('exec <task> [command...]')
  .description("open a terminal in a task's container")
  .passThroughOptions()
  .action(async (task: string, command: string[]) => {
    process.exitCode = await execIn(task, command);
  });

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`gantry: ${describeError(error)}\n`);
  process.exitCode = 1;
});
