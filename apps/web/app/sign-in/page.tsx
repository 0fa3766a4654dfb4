import type { Metadata } from 'next';
import { Suspense } from 'react';
import { Logo } from '../../components/shell/logo.tsx';
import { SignIn } from '../../features/sign-in/sign-in-form.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default function SignInPage() {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-12">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex justify-center">
          <Logo />
        </div>
        <section className="rounded-xl border bg-surface p-6">
          <h1 className="mb-1 font-semibold text-lg">Sign in</h1>
          <p className="mb-5 text-muted-foreground text-sm">To the control plane of this cluster</p>
          <Suspense>
            <SignIn />
          </Suspense>
        </section>
      </div>
    </main>
  );
}
