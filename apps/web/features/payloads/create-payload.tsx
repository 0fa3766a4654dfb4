'use client';

import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { payloadCan } from './actions.ts';
import { ContentDialog } from './content-dialog.tsx';
import type { PayloadKind } from './payload-calls.ts';
import { words } from './words.ts';

export function CreatePayload({ kind }: { kind: PayloadKind }) {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <ActionButton can={payloadCan.create(account, kind)} variant="primary" onClick={() => setIsOpen(true)}>
        <Plus aria-hidden /> Create {words[kind].one}
      </ActionButton>
      {isOpen && <ContentDialog kind={kind} onClose={() => setIsOpen(false)} />}
    </>
  );
}
