'use client';

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { Field, Input } from '@gantry/ui/field';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { ErrorNote } from '../../components/error-note.tsx';
import { useHydrated } from '../../components/use-hydrated.ts';
import { api } from '../../lib/api/browser.ts';
import { isSignedOut, toSentence } from '../../lib/api/errors.ts';
import { toLocalPath } from '../../lib/paths.ts';

const SignInForm = z.object({
  email: z.string('Enter your email address').trim().min(1, 'Enter your email address'),
  password: z.string('Enter your password').min(1, 'Enter your password'),
});
type SignInForm = z.infer<typeof SignInForm>;

export function SignIn() {
  const next = toLocalPath(useSearchParams().get('next'));
  const isHydrated = useHydrated();
  // No default values: they would wipe out what was typed, or filled in by the browser, before the scripts were there.
  const form = useForm<SignInForm>({ resolver: zodResolver(SignInForm) });
  const { errors } = form.formState;

  // A link from another site comes without the SameSite=Strict cookie and ends here although there is a session.
  const current = useQuery(api.account.current.queryOptions({ retry: false }));
  const signIn = useMutation(api.account.signIn.mutationOptions());
  const isSignedIn = current.isSuccess || signIn.isSuccess;
  useEffect(() => {
    // A whole page load: the server then sends the page as this account sees it.
    if (isSignedIn) window.location.assign(next);
  }, [isSignedIn, next]);

  const submit = form.handleSubmit((values) => {
    if (!signIn.isPending) signIn.mutate(values);
  });
  return (
    <form method="post" onSubmit={submit} noValidate className="flex flex-col gap-4">
      {signIn.isError && (isSignedOut(signIn.error) ? <Callout tone="bad">Email address or password is wrong.</Callout> : <ErrorNote error={signIn.error} />)}
      {current.isError && !isSignedOut(current.error) && !signIn.isError && <Callout tone="warn">{toSentence(current.error)}</Callout>}
      <Field label="Email" error={errors.email?.message}>
        <Input {...form.register('email')} type="email" autoComplete="username" autoFocus className="h-9" />
      </Field>
      <Field label="Password" error={errors.password?.message}>
        <Input {...form.register('password')} type="password" autoComplete="current-password" className="h-9" />
      </Field>
      <Button type="submit" variant="primary" size="lg" disabled={!isHydrated} isBusy={signIn.isPending || isSignedIn}>
        Sign in
      </Button>
    </form>
  );
}
