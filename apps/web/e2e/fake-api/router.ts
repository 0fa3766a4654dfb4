import { access, httpApi, isAllowed, type Operation, type Service } from '@gantry/contracts/http-api';
import type { PayloadId, ServiceId } from '@gantry/contracts/ids';
import { implement, ORPCError } from '@orpc/server';
import type { FakeCluster } from './cluster.ts';
import type { PayloadShelf } from './payload-shelf.ts';
import { makeId, now } from './records.ts';
import type { Sessions } from './sessions.ts';

export interface RequestContext {
  session: string | undefined;
  setCookie: (cookie: string) => void;
}

const { account, system, nodes, services, secrets, configs, stacks, tasks } = httpApi;
/** What the dashboard calls. */
const fakedApi = { account, system, nodes, services, secrets, configs, stacks, tasks };

/** Text in a Compose file that the real parser refuses too. */
const unsupportedKey = 'privileged';

function problem(status: number, code: string, detail: string): ORPCError<string, unknown> {
  return new ORPCError(code, { status, message: detail });
}

function isOperation(name: string): name is Operation {
  return name in access;
}

function found<Item>(item: Item | undefined, what: string): Item {
  if (item === undefined) throw problem(404, 'not-found', `there is no such ${what}`);
  return item;
}

export function createRouter(cluster: FakeCluster, sessions: Sessions) {
  const open = implement(fakedApi).$context<RequestContext>();
  const os = open.use(({ context, next, path }) => {
    const operation = path.join('.');
    if (!isOperation(operation)) throw problem(404, 'not-found', `${operation} is in no access table`);
    const account = sessions.accountOf(context.session) ?? null;
    if (isAllowed(account?.role ?? null, operation)) return next();
    throw account ? problem(403, 'forbidden', `${operation} needs the role ${access[operation]}`) : problem(401, 'unauthorized', 'sign in first');
  });
  const page = <Item extends { id: string }>(items: Item[], { limit, cursor }: { limit: number; cursor?: string | undefined }) => {
    const from = cursor ? items.findIndex((item) => item.id === cursor) : 0;
    return { items: items.slice(from, from + limit), nextCursor: items[from + limit]?.id ?? null };
  };
  const unused = (shelf: PayloadShelf, id: PayloadId, what: string) => {
    const { name, services: users } = found(shelf.get(id), what);
    if (users.length > 0) throw problem(409, 'conflict', `the ${what} ${name} is used by ${users.join(', ')}`);
    return id;
  };
  const steerUpdate = (serviceId: ServiceId, change: Partial<NonNullable<Service['status']['update']>>) => {
    const service = found(cluster.services.get(serviceId), 'service');
    const { update } = service.status;
    if (update === null) throw problem(409, 'wrong-state', 'the service has no update under way');
    return cluster.setUpdate(service, { ...update, ...change });
  };
  const { secrets: secretShelf, configs: configShelf } = cluster;
  return os.router({
    secrets: {
      list: os.secrets.list.handler(({ input }) => page(secretShelf.list(), input)),
      get: os.secrets.get.handler(({ input }) => found(secretShelf.get(input.secretId), 'secret')),
      create: os.secrets.create.handler(({ input }) => secretShelf.create(input)),
      rotate: os.secrets.rotate.handler(({ input }) => secretShelf.rotate(found(secretShelf.get(input.secretId), 'secret'), input.data)),
      remove: os.secrets.remove.handler(({ input }) => {
        secretShelf.remove(unused(secretShelf, input.secretId, 'secret'));
        return {};
      }),
    },
    configs: {
      list: os.configs.list.handler(({ input }) => page(configShelf.list(), input)),
      get: os.configs.get.handler(({ input }) => found(configShelf.get(input.configId), 'config')),
      content: os.configs.content.handler(({ input }) => {
        const config = found(configShelf.get(input.configId), 'config');
        return { number: config.versions.at(-1)?.number ?? 1, data: configShelf.dataOf(config.id) };
      }),
      create: os.configs.create.handler(({ input }) => configShelf.create(input)),
      rotate: os.configs.rotate.handler(({ input }) => configShelf.rotate(found(configShelf.get(input.configId), 'config'), input.data)),
      remove: os.configs.remove.handler(({ input }) => {
        configShelf.remove(unused(configShelf, input.configId, 'config'));
        return {};
      }),
    },
    account: {
      signIn: os.account.signIn.handler(({ input, context }) => {
        const opened = sessions.open(input.email, input.password);
        if (!opened) throw problem(401, 'unauthorized', 'email or password is wrong');
        context.setCookie(opened.cookie);
        return opened.account;
      }),
      signOut: os.account.signOut.handler(({ context }) => {
        context.setCookie(sessions.close(context.session));
        return {};
      }),
      current: os.account.current.handler(({ context }) => found(sessions.accountOf(context.session), 'account')),
      listTokens: os.account.listTokens.handler(() => ({ items: [...cluster.tokens.values()] })),
      createToken: os.account.createToken.handler(({ input }) => {
        const token = { ...input, id: makeId(), createdAt: now(), lastUsedAt: null };
        cluster.tokens.set(token.id, token);
        return { ...token, secret: `gantry_${makeId()}${makeId()}` };
      }),
      deleteToken: os.account.deleteToken.handler(({ input }) => {
        cluster.tokens.delete(input.id);
        return {};
      }),
    },
    system: {
      status: os.system.status.handler(() => ({
        version: '0.1.0',
        queueBackend: 'postgres' as const,
        nodes: cluster.nodes.size,
        services: cluster.services.size,
        runningTasks: [...cluster.tasks.values()].filter((task) => task.status.state === 'running').length,
      })),
    },
    nodes: {
      list: os.nodes.list.handler(({ input }) => page([...cluster.nodes.values()], input)),
      get: os.nodes.get.handler(({ input }) => found(cluster.nodes.get(input.nodeId), 'node')),
      update: os.nodes.update.handler(({ input: { nodeId, version, ...spec } }) => {
        const node = found(cluster.nodes.get(nodeId), 'node');
        if (node.version !== version) throw problem(409, 'conflict', 'the node was changed meanwhile');
        return cluster.updateNode(node, Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)));
      }),
      remove: os.nodes.remove.handler(({ input }) => {
        const node = found(cluster.nodes.get(input.nodeId), 'node');
        if (node.status.state === 'ready') throw problem(409, 'wrong-state', 'the node is connected');
        cluster.removeNode(node.id);
        return {};
      }),
      containers: os.nodes.containers.handler(({ input }) => ({
        items: [...cluster.tasks.values()]
          .filter((task) => task.nodeId === input.nodeId && task.status.containerId)
          .slice(0, 40)
          .map((task) => ({
            id: task.status.containerId ?? '',
            name: `${task.serviceName}.${task.slot}.${task.id}`,
            image: task.spec.image,
            state: task.status.state === 'running' ? 'running' : 'exited',
            status: task.status.state === 'running' ? 'Up 3 minutes' : `Exited (${task.status.exitCode}) 2 hours ago`,
            createdAt: task.createdAt,
            taskId: task.id,
            ports: [{ hostIp: null, hostPort: null, containerPort: 80, protocol: 'tcp' }],
          })),
      })),
      createJoinToken: os.nodes.createJoinToken.handler(() => ({ token: `GANTRY-1-${makeId()}`, expiresAt: new Date(Date.now() + 3_600_000).toISOString() })),
    },
    services: {
      list: os.services.list.handler(({ input }) =>
        page(
          [...cluster.services.values()].filter(
            (service) => (!input.stackId || service.stackId === input.stackId) && (!input.name || service.spec.name === input.name),
          ),
          input,
        ),
      ),
      get: os.services.get.handler(({ input }) => found(cluster.services.get(input.serviceId), 'service')),
      create: os.services.create.handler(({ input }) => {
        if ([...cluster.services.values()].some((service) => service.spec.name === input.name))
          throw problem(409, 'conflict', `a service named ${input.name} exists`);
        return cluster.addService(input);
      }),
      update: os.services.update.handler(({ input }) => {
        const service = found(cluster.services.get(input.serviceId), 'service');
        if (service.version !== input.version) throw problem(409, 'conflict', 'the service was changed meanwhile');
        return cluster.updateService(service, input.spec);
      }),
      scale: os.services.scale.handler(({ input }) => {
        const service = found(cluster.services.get(input.serviceId), 'service');
        return cluster.updateService(service, { ...service.spec, mode: { type: 'replicated', replicas: input.replicas } });
      }),
      revisions: os.services.revisions.handler(({ input }) => {
        const service = found(cluster.services.get(input.serviceId), 'service');
        const { items, nextCursor } = page(
          cluster.revisionsOf(service.id).map((revision) => ({ ...revision, id: String(revision.revision) })),
          input,
        );
        return { items: items.map((item) => ({ ...item, isWanted: item.revision === service.revision })), nextCursor };
      }),
      rollback: os.services.rollback.handler(({ input }) => {
        const service = found(cluster.services.get(input.serviceId), 'service');
        const kept = cluster.revisionsOf(service.id);
        const wanted = input.revision ?? service.revision - 1;
        return cluster.updateService(
          service,
          found(
            kept.find((one) => one.revision === wanted),
            'revision',
          ).spec,
        );
      }),
      promote: os.services.promote.handler(({ input }) => steerUpdate(input.serviceId, { state: 'completed' })),
      abort: os.services.abort.handler(({ input }) => steerUpdate(input.serviceId, { state: 'reverted' })),
      pause: os.services.pause.handler(({ input }) => steerUpdate(input.serviceId, { state: 'paused', isPaused: true })),
      resume: os.services.resume.handler(({ input }) => steerUpdate(input.serviceId, { state: 'canary', isPaused: false })),
      remove: os.services.remove.handler(({ input }) => {
        cluster.removeService(found(cluster.services.get(input.serviceId), 'service'));
        return {};
      }),
    },
    stacks: {
      list: os.stacks.list.handler(({ input }) => page([...cluster.stacks.values()], input)),
      deploy: os.stacks.deploy.handler(({ input }) => {
        if (input.compose.includes(unsupportedKey)) throw problem(400, 'invalid', `compose: services.web.${unsupportedKey} is not supported`);
        const stack = [...cluster.stacks.values()].find((held) => held.name === input.name) ?? cluster.addStack(input.name);
        const image = /image:\s*(\S+)/.exec(input.compose)?.[1] ?? 'nginx';
        const service = cluster.addService({ name: `${input.name}_web`, task: { image } }, stack);
        return { stack: cluster.stacks.get(stack.id) ?? stack, services: [service] };
      }),
      remove: os.stacks.remove.handler(({ input }) => {
        cluster.removeStack(
          found(
            [...cluster.stacks.values()].find((stack) => stack.name === input.name),
            'stack',
          ),
        );
        return {};
      }),
    },
    tasks: {
      list: os.tasks.list.handler(({ input }) => {
        const tasks = [...cluster.tasks.values()].filter(
          (task) =>
            (!input.serviceId || task.serviceId === input.serviceId) &&
            (!input.nodeId || task.nodeId === input.nodeId) &&
            (!input.desiredState || task.desiredState === input.desiredState),
        );
        return page(
          tasks.sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id)),
          input,
        );
      }),
      get: os.tasks.get.handler(({ input }) => found(cluster.tasks.get(input.taskId), 'task')),
    },
  });
}
