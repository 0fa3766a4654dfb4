import { MissingPage } from '../components/missing-page.tsx';
import { paths } from '../lib/paths.ts';

export default function NotFound() {
  return (
    <main className="mx-auto max-w-lg px-4 py-24">
      <MissingPage title="There is no such page" back={{ title: 'Overview', href: paths.overview() }} />
    </main>
  );
}
