import type { Operation } from '@gantry/contracts/http-api';
import { SetMetadata } from '@nestjs/common';

export const OPERATION = Symbol('operation');
export const OPEN = Symbol('open');

/** The route's name in the access table. */
export const Guarded = (operation: Operation) => SetMetadata(OPERATION, operation);

/** A route that checks its callers itself, or has nothing to hide. */
export const Open = () => SetMetadata(OPEN, true);
