import { runUnderNode24 } from './bootstrap/node24.mjs';

await runUnderNode24('test/main.ts');
