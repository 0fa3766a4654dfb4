import type { NodeId } from '@gantry/contracts/ids';
import { keepPreviousData } from '@tanstack/react-query';
import type { Api } from '../../lib/api/client.ts';

export const nodePageQuery = (api: Api, page: { limit: number; cursor?: string | undefined }) =>
  api.nodes.list.queryOptions({ input: page, placeholderData: keepPreviousData });

/** Enough for what is about the cluster as a whole; more nodes than one page holds are summed up by the api. */
export const allNodesQuery = (api: Api) => api.nodes.list.queryOptions({ input: { limit: 1000 } });

export const nodeQuery = (api: Api, nodeId: NodeId) => api.nodes.get.queryOptions({ input: { nodeId } });

/** Containers are no records of the control plane: the node is asked, and changes outside of tasks are found by asking again. */
export const nodeContainersQuery = (api: Api, nodeId: NodeId) => api.nodes.containers.queryOptions({ input: { nodeId }, refetchInterval: 10_000 });
