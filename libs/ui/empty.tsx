import type { ReactNode } from 'react';

interface EmptyProps {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className="flex flex-col items-center gap-1.5 px-6 py-12 text-center">
      <div className="mb-2 grid size-10 place-items-center rounded-lg border bg-muted/60 text-muted-foreground [&_svg]:size-5">{icon}</div>
      <p className="font-medium text-sm">{title}</p>
      {children && <div className="max-w-sm text-muted-foreground text-sm">{children}</div>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}
