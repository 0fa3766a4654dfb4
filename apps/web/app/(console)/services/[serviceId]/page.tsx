import { ServiceId } from '@gantry/contracts/ids';
import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { Prefetched } from '../../../../components/prefetched.tsx';
import { serviceQuery } from '../../../../features/services/queries.ts';
import { ServiceView } from '../../../../features/services/service-view.tsx';

export const metadata: Metadata = { title: 'Service' };

export default async function ServicePage({ params }: { params: Promise<{ serviceId: string }> }) {
  const serviceId = ServiceId.safeParse((await params).serviceId);
  if (!serviceId.success) notFound();
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(serviceQuery(api, serviceId.data))]}>
      <ServiceView serviceId={serviceId.data} />
    </Prefetched>
  );
}
