import { invalid } from '@gantry/platform/errors';

const reference = /\$\$|\$\{([A-Za-z_]\w*)(?:(:?[-?])([^}]*))?\}|\$([A-Za-z_]\w*)/g;

/** Compose's variables, filled in where the user's environment is: ${A}, ${A:-default}, ${A-default}, ${A:?why}, ${A?why}, $A, and $$ for a dollar. */
export function interpolate(text: string, variables: Readonly<Record<string, string | undefined>>): string {
  return text.replace(reference, (whole, braced?: string, operator?: string, argument?: string, bare?: string) => {
    if (whole === '$$') return '$';
    const name = braced ?? bare ?? '';
    const value = variables[name];
    const isMissing = value === undefined || (operator?.startsWith(':') === true && value === '');
    if (!isMissing) return value;
    if (operator?.endsWith('?')) throw invalid(`variable ${name} is required: ${argument || 'it is not set'}`);
    return operator?.endsWith('-') ? (argument ?? '') : '';
  });
}
