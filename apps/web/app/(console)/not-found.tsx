import { MissingPage } from '../../components/missing-page.tsx';
import { paths } from '../../lib/paths.ts';

export default function NotFound() {
  return <MissingPage title="There is no such page" back={{ title: 'Overview', href: paths.overview() }} />;
}
