import { Account, Role } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { allOf, allowed, byRole, refused } from './permission.ts';

const account = (role: Role) => Account.parse({ id: 'u', email: 'a@b.example', name: 'A', role });

test('a role allows what the access table says, and the refusal names both roles', () => {
  expect(Role.options.map((role) => byRole(account(role), 'services.scale').isAllowed)).toEqual([true, true, false]);
  expect(byRole(account('operator'), 'nodes.remove')).toEqual(refused('Needs the role admin; yours is operator'));
});

test('the first refusal is the reason', () => {
  expect(allOf(allowed, refused('first'), refused('second'))).toEqual(refused('first'));
  expect(allOf(allowed, allowed)).toEqual(allowed);
});
