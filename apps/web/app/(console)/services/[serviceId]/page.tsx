import { ServiceId } from '@gantry/contracts/ids';
import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { pageSize } from '../../../../components/page-size.ts';
import { Prefetched } from '../../../../components/prefetched.tsx';
import { serviceQuery } from '../../../../features/services/queries.ts';
import { ServiceView } from '../../../../features/services/service-view.tsx';
import { taskPageQuery } from '../../../../features/tasks/queries.ts';

export const metadata: Metadata = { title: 'Service' };

export default async function ServicePage({ params }: { params: Promise<{ serviceId: string }> }) {
  const serviceId = ServiceId.safeParse((await params).serviceId);
  if (!serviceId.success) notFound();
  return (
    <Prefetched
      load={(queryClient, api) => [
        queryClient.prefetchQuery(serviceQuery(api, serviceId.data)),
        queryClient.prefetchQuery(taskPageQuery(api, { serviceId: serviceId.data, desiredState: 'running', limit: pageSize })),
      ]}
    >
      <ServiceView serviceId={serviceId.data} />
    </Prefetched>
  );
}
