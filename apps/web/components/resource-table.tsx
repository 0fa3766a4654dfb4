import { cn } from '@gantry/ui/cn';
import { Skeleton } from '@gantry/ui/skeleton';
import { Table, TableCell, TableHead, TableHeading, TableRow } from '@gantry/ui/table';
import type { ReactNode } from 'react';
import { ErrorNote } from './error-note.tsx';
import { Pager } from './pager.tsx';
import type { Pages } from './use-pages.ts';

export interface Column<Item> {
  heading: string;
  cell: (item: Item) => ReactNode;
  className?: string;
  /** Of the cells only, not of the heading. */
  cellClassName?: string;
  /** Left out on a phone. */
  isSecondary?: boolean;
}

interface ListQuery<Item> {
  data: { items: Item[]; nextCursor?: string | null } | undefined;
  error: unknown;
  isPlaceholderData: boolean;
  refetch: () => unknown;
}

interface ResourceTableProps<Item> {
  label: string;
  columns: readonly Column<Item>[];
  query: ListQuery<Item>;
  rowKey: (item: Item) => string;
  empty: ReactNode;
  pages?: Pages;
}

/** A list of one resource in all its states: loading, failed, empty, and pages of rows. */
export function ResourceTable<Item>({ label, columns, query, rowKey, empty, pages }: ResourceTableProps<Item>) {
  const items = query.data?.items;
  if (!items && query.error) {
    return (
      <div className="p-4">
        <ErrorNote error={query.error} onRetry={() => query.refetch()} />
      </div>
    );
  }
  if (items?.length === 0 && (pages?.number ?? 1) === 1) return empty;
  return (
    <>
      <Table label={label} aria-busy={!items || query.isPlaceholderData || undefined}>
        <TableHead>
          <TableRow>
            {columns.map((column) => (
              <TableHeading key={column.heading} className={columnClass(column)}>
                {column.heading}
              </TableHeading>
            ))}
          </TableRow>
        </TableHead>
        <tbody className={query.isPlaceholderData ? 'opacity-60' : undefined}>
          {items?.map((item) => (
            <TableRow key={rowKey(item)}>
              {columns.map((column) => (
                <TableCell key={column.heading} className={cn(columnClass(column), column.cellClassName)}>
                  {column.cell(item)}
                </TableCell>
              ))}
            </TableRow>
          )) ?? <SkeletonRows columns={columns.map(columnClass)} />}
        </tbody>
      </Table>
      {pages && <Pager pages={pages} nextCursor={query.data?.nextCursor ?? null} />}
    </>
  );
}

function SkeletonRows({ columns }: { columns: string[] }) {
  return ['first', 'second', 'third'].map((row) => (
    <TableRow key={row}>
      {columns.map((className, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the columns of a skeleton never move
        <TableCell key={index} className={className}>
          <Skeleton className="w-24" />
        </TableCell>
      ))}
    </TableRow>
  ));
}

function columnClass<Item>(column: Column<Item>): string {
  return [column.className, column.isSecondary && 'max-sm:hidden'].filter(Boolean).join(' ');
}
