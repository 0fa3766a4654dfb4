import { endWithFailure } from '../process/report.ts';
import { setUp } from './setup.ts';

await setUp({ purposes: process.argv.includes('--test') ? ['start', 'test'] : ['start'], needsRust: true }).catch(endWithFailure);
