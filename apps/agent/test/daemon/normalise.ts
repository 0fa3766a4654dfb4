/** Takes out of a client's output what differs between two runs of the same thing: ids, times, durations, ports, sizes on disk. */
export function normalise(text: string): string {
  return text
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:<digest>')
    .replace(/\b[0-9a-f]{64}\b/g, '<id>')
    .replace(/\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b/g, '<short>')
    .replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})/g, '<time>')
    .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{4} UTC/g, '<time>')
    .replace(/(?:Less than a second|About an? (?:minute|hour)|\d+ (?:seconds?|minutes|hours|days|weeks|months|years))/g, '<duration>')
    .replace(/[ \t]+$/gm, '')
    .trim();
}
