export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string | null; readonly scope: string | null };

/** RFC 9110, section 11.6.1, as far as registries use it: the first challenge we can answer, bearer before basic. */
export function parseChallenge(header: string): Challenge | null {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const token = /([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?\s*,?\s*/y;
  for (let match = token.exec(header.trim()); match !== null; match = token.exec(header.trim())) {
    const [, name = '', quoted, bare] = match;
    const value = quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, '$1');
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer !== undefined) {
    return {
      scheme: 'bearer',
      realm: bearer.parameters.get('realm') ?? '',
      service: bearer.parameters.get('service') ?? null,
      scope: bearer.parameters.get('scope') ?? null,
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : null;
}
