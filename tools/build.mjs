import { runUnderNode24 } from './bootstrap/node24.mjs';

await runUnderNode24('build/main.ts');
