import { oc } from '@orpc/contract';
import { z } from 'zod';
import { NodeId, PayloadId, ServiceId, TaskId } from '../ids/index.ts';
import { Account, ApiToken, ApiTokenCreate, ApiTokenCreated, SignIn, SystemStatus } from './account.ts';
import { DeadLetter, DeadLetterKey, DeadLetterListQuery, DeadLetterPage } from './dead-letter.ts';
import { JobRun, JobRunListQuery, JobRunPage } from './job.ts';
import { ClusterNode, JoinToken, NodeContainer, NodeListQuery, NodePage, NodeUpdate } from './node.ts';
import { recordVersion } from './page.ts';
import { Config, ConfigContent, ConfigCreate, ConfigPage, ConfigRotate, PayloadListQuery, Secret, SecretCreate, SecretPage, SecretRotate } from './payload.ts';
import {
  maxReplicas,
  ResourceName,
  Service,
  ServiceListQuery,
  ServicePage,
  ServiceRevisionListQuery,
  ServiceRevisionPage,
  ServiceRollback,
  ServiceSpec,
} from './service.ts';
import { StackDeploy, StackDeployed, StackListQuery, StackPage } from './stack.ts';
import { Task, TaskListQuery, TaskPage } from './task.ts';

const nothing = z.object({});

/** The whole REST API below /api/v1, one entry an operation; the server implements it, the clients and the OpenAPI document are made from it. */
export const httpApi = {
  account: {
    signIn: oc
      .route({ method: 'POST', path: '/account/sign-in', summary: 'Sign in', tags: ['account'] })
      .input(SignIn)
      .output(Account),
    signOut: oc
      .route({ method: 'POST', path: '/account/sign-out', summary: 'Sign out', tags: ['account'] })
      .input(nothing)
      .output(nothing),
    current: oc.route({ method: 'GET', path: '/account', summary: 'Who is signed in', tags: ['account'] }).output(Account),
    listTokens: oc
      .route({ method: 'GET', path: '/account/tokens', summary: 'List API tokens', tags: ['account'] })
      .output(z.object({ items: z.array(ApiToken) })),
    createToken: oc
      .route({ method: 'POST', path: '/account/tokens', successStatus: 201, summary: 'Create an API token', tags: ['account'] })
      .input(ApiTokenCreate)
      .output(ApiTokenCreated),
    deleteToken: oc
      .route({ method: 'DELETE', path: '/account/tokens/{id}', summary: 'Revoke an API token', tags: ['account'] })
      .input(z.object({ id: z.string() }))
      .output(nothing),
  },
  system: {
    status: oc.route({ method: 'GET', path: '/system', summary: 'Version and totals', tags: ['system'] }).output(SystemStatus),
  },
  deadLetters: {
    list: oc
      .route({ method: 'GET', path: '/dead-letters', summary: 'What reconcilers could not do, however often they tried', tags: ['system'] })
      .input(DeadLetterListQuery)
      .output(DeadLetterPage),
    run: oc
      .route({ method: 'POST', path: '/dead-letters/{loop}/{key}/run', summary: 'Try it again now', tags: ['system'] })
      .input(DeadLetterKey)
      .output(DeadLetter),
  },
  nodes: {
    list: oc
      .route({ method: 'GET', path: '/nodes', summary: 'List nodes', tags: ['nodes'] })
      .input(NodeListQuery)
      .output(NodePage),
    get: oc
      .route({ method: 'GET', path: '/nodes/{nodeId}', summary: 'One node', tags: ['nodes'] })
      .input(z.object({ nodeId: NodeId }))
      .output(ClusterNode),
    update: oc
      .route({ method: 'PATCH', path: '/nodes/{nodeId}', summary: 'Change name, labels or availability', tags: ['nodes'] })
      .input(NodeUpdate.extend({ nodeId: NodeId }))
      .output(ClusterNode),
    remove: oc
      .route({ method: 'DELETE', path: '/nodes/{nodeId}', summary: 'Remove a node that is down', tags: ['nodes'] })
      .input(z.object({ nodeId: NodeId }))
      .output(nothing),
    containers: oc
      .route({ method: 'GET', path: '/nodes/{nodeId}/containers', summary: 'Containers on a node, tasks or not', tags: ['nodes'] })
      .input(z.object({ nodeId: NodeId }))
      .output(z.object({ items: z.array(NodeContainer) })),
    createJoinToken: oc
      .route({ method: 'POST', path: '/nodes/join-tokens', successStatus: 201, summary: 'Make a token for a new node', tags: ['nodes'] })
      .input(nothing)
      .output(JoinToken),
  },
  services: {
    list: oc
      .route({ method: 'GET', path: '/services', summary: 'List services', tags: ['services'] })
      .input(ServiceListQuery)
      .output(ServicePage),
    get: oc
      .route({ method: 'GET', path: '/services/{serviceId}', summary: 'One service', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    create: oc
      .route({ method: 'POST', path: '/services', successStatus: 201, summary: 'Create a service', tags: ['services'] })
      .input(ServiceSpec)
      .output(Service),
    update: oc
      .route({
        method: 'PUT',
        path: '/services/{serviceId}',
        summary: 'Replace the spec, when it is still at the version in the body or in If-Match',
        tags: ['services'],
      })
      .input(z.object({ serviceId: ServiceId, version: recordVersion.optional(), spec: ServiceSpec }))
      .output(Service),
    scale: oc
      .route({ method: 'POST', path: '/services/{serviceId}/scale', summary: 'Set the number of tasks', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId, replicas: z.number().int().min(0).max(maxReplicas) }))
      .output(Service),
    revisions: oc
      .route({ method: 'GET', path: '/services/{serviceId}/revisions', summary: 'What the spec was, newest first', tags: ['services'] })
      .input(ServiceRevisionListQuery)
      .output(ServiceRevisionPage),
    rollback: oc
      .route({ method: 'POST', path: '/services/{serviceId}/rollback', summary: 'Make the spec what it was at an earlier revision', tags: ['services'] })
      .input(ServiceRollback.extend({ serviceId: ServiceId }))
      .output(Service),
    promote: oc
      .route({ method: 'POST', path: '/services/{serviceId}/promote', summary: 'Let an update go on after its canary', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    abort: oc
      .route({
        method: 'POST',
        path: '/services/{serviceId}/abort',
        summary: 'Give up an update: its tasks are replaced by those of before',
        tags: ['services'],
      })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    pause: oc
      .route({ method: 'POST', path: '/services/{serviceId}/pause', summary: 'Replace no more tasks until the update is resumed', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    resume: oc
      .route({ method: 'POST', path: '/services/{serviceId}/resume', summary: 'Go on with a paused update', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    remove: oc
      .route({ method: 'DELETE', path: '/services/{serviceId}', summary: 'Remove a service and its tasks', tags: ['services'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(nothing),
  },
  jobs: {
    runs: oc
      .route({ method: 'GET', path: '/services/{serviceId}/runs', summary: 'Runs of a job, newest first', tags: ['jobs'] })
      .input(JobRunListQuery)
      .output(JobRunPage),
    run: oc
      .route({ method: 'POST', path: '/services/{serviceId}/runs', successStatus: 201, summary: 'Run a job now', tags: ['jobs'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(JobRun),
    cancel: oc
      .route({ method: 'POST', path: '/services/{serviceId}/runs/{number}/cancel', summary: 'End a run and its tasks', tags: ['jobs'] })
      .input(z.object({ serviceId: ServiceId, number: z.coerce.number().int().positive() }))
      .output(JobRun),
    suspend: oc
      .route({ method: 'POST', path: '/services/{serviceId}/schedule/suspend', summary: 'Let the ticks of a schedule pass', tags: ['jobs'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
    resume: oc
      .route({ method: 'POST', path: '/services/{serviceId}/schedule/resume', summary: 'Take the ticks of a schedule again', tags: ['jobs'] })
      .input(z.object({ serviceId: ServiceId }))
      .output(Service),
  },
  secrets: {
    list: oc
      .route({ method: 'GET', path: '/secrets', summary: 'List secrets', tags: ['secrets'] })
      .input(PayloadListQuery)
      .output(SecretPage),
    get: oc
      .route({ method: 'GET', path: '/secrets/{secretId}', summary: 'One secret, whose content is never answered', tags: ['secrets'] })
      .input(z.object({ secretId: PayloadId }))
      .output(Secret),
    create: oc
      .route({ method: 'POST', path: '/secrets', successStatus: 201, summary: 'Create a secret', tags: ['secrets'] })
      .input(SecretCreate)
      .output(Secret),
    rotate: oc
      .route({ method: 'POST', path: '/secrets/{secretId}/rotate', summary: 'Give it new content, and replace the tasks that use it', tags: ['secrets'] })
      .input(SecretRotate.extend({ secretId: PayloadId }))
      .output(Secret),
    remove: oc
      .route({ method: 'DELETE', path: '/secrets/{secretId}', summary: 'Remove a secret that no service uses', tags: ['secrets'] })
      .input(z.object({ secretId: PayloadId }))
      .output(nothing),
  },
  configs: {
    list: oc
      .route({ method: 'GET', path: '/configs', summary: 'List configs', tags: ['configs'] })
      .input(PayloadListQuery)
      .output(ConfigPage),
    get: oc
      .route({ method: 'GET', path: '/configs/{configId}', summary: 'One config', tags: ['configs'] })
      .input(z.object({ configId: PayloadId }))
      .output(Config),
    content: oc
      .route({ method: 'GET', path: '/configs/{configId}/content', summary: 'What the latest version holds', tags: ['configs'] })
      .input(z.object({ configId: PayloadId }))
      .output(ConfigContent),
    create: oc
      .route({ method: 'POST', path: '/configs', successStatus: 201, summary: 'Create a config', tags: ['configs'] })
      .input(ConfigCreate)
      .output(Config),
    rotate: oc
      .route({ method: 'POST', path: '/configs/{configId}/rotate', summary: 'Give it new content, and replace the tasks that use it', tags: ['configs'] })
      .input(ConfigRotate.extend({ configId: PayloadId }))
      .output(Config),
    remove: oc
      .route({ method: 'DELETE', path: '/configs/{configId}', summary: 'Remove a config that no service uses', tags: ['configs'] })
      .input(z.object({ configId: PayloadId }))
      .output(nothing),
  },
  stacks: {
    list: oc
      .route({ method: 'GET', path: '/stacks', summary: 'List stacks', tags: ['stacks'] })
      .input(StackListQuery)
      .output(StackPage),
    deploy: oc
      .route({ method: 'PUT', path: '/stacks/{name}', summary: 'Create a stack or make it what the Compose file says', tags: ['stacks'] })
      .input(StackDeploy.extend({ name: ResourceName }))
      .output(StackDeployed),
    remove: oc
      .route({ method: 'DELETE', path: '/stacks/{name}', summary: 'Remove a stack and its services', tags: ['stacks'] })
      .input(z.object({ name: ResourceName }))
      .output(nothing),
  },
  tasks: {
    list: oc
      .route({ method: 'GET', path: '/tasks', summary: 'List tasks, newest first', tags: ['tasks'] })
      .input(TaskListQuery)
      .output(TaskPage),
    get: oc
      .route({ method: 'GET', path: '/tasks/{taskId}', summary: 'One task', tags: ['tasks'] })
      .input(z.object({ taskId: TaskId }))
      .output(Task),
  },
} as const;

export { type Access, access, isAllowed, type Operation, outranks } from './access.ts';
export { Account, ApiToken, ApiTokenCreate, ApiTokenCreated, Role, SignIn, SystemStatus } from './account.ts';
export { DeadLetter, type DeadLetterListQuery, failuresOfDeadLetter } from './dead-letter.ts';
export { JobRun, JobRunState } from './job.ts';
export { type LabelFilter, parseLabelFilter } from './list-query.ts';
export { ClusterNode, JoinToken, NodeAvailability, NodeContainer, type NodeListQuery, NodePage, NodeSpec, NodeUpdate } from './node.ts';
export { recordVersion, timestamp } from './page.ts';
export { Config, maxConfigBytes, maxSecretBytes, type PayloadListQuery, Secret } from './payload.ts';
export { Problem } from './problem.ts';
export {
  HealthcheckSpec,
  MountSpec,
  maxReplicas,
  PayloadUse,
  PublishedPort,
  ResourceName,
  Service,
  type ServiceListQuery,
  ServicePage,
  ServiceRevision,
  ServiceRevisionPage,
  ServiceSpec,
  TaskSpec,
  UpdatePolicy,
} from './service.ts';
export { Stack, StackDeploy, StackDeployed, type StackListQuery, StackPage } from './stack.ts';
export { LogLine, LogQuery, Task, type TaskListQuery, TaskPage, TaskState, TerminalEnded, TerminalQuery, TerminalResize, taskStates } from './task.ts';
