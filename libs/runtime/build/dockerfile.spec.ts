import { describe, expect, it } from 'vitest';
import { applyInstruction, applyInstructions, resolvePath } from './config-instructions.ts';
import { toDestination } from './copy-step.ts';
import { parseDockerfile, parseInstruction } from './dockerfile.ts';
import { toMatcher } from './pattern.ts';
import { runCommand } from './run-step.ts';
import { ArgScope } from './scope.ts';

describe('parseDockerfile', () => {
  it('splits into stages, joins lines, and takes flags and heredocs apart', () => {
    const { stages, globalArgs, escapeChar } = parseDockerfile(
      [
        '# comment',
        'ARG V=1',
        'FROM scratch AS Base',
        'RUN echo a && \\',
        '  # inside',
        '',
        '  echo "b c"',
        'FROM --platform=linux/arm64 base',
        'COPY --from=base --chown=1:2 a b /c/',
        'RUN <<EOF cat',
        'x $A',
        'EOF',
        'CMD ["a", "b"]',
        '',
      ].join('\n'),
    );
    expect(escapeChar).toBe('\\');
    expect(globalArgs.map(({ text }) => text)).toEqual(['V=1']);
    expect(stages.map(({ name, base, platform }) => ({ name, base, platform }))).toEqual([
      { name: 'base', base: 'scratch', platform: null },
      { name: null, base: 'base', platform: 'linux/arm64' },
    ]);
    expect(stages[0]?.instructions[0]).toMatchObject({ keyword: 'RUN', text: 'echo a &&   echo "b c"', line: 4 });
    const [copy, run, cmd] = stages[1]?.instructions ?? [];
    expect(copy).toMatchObject({ text: 'a b /c/', original: 'COPY --from=base --chown=1:2 a b /c/' });
    expect(copy?.flags.get('chown')).toBe('1:2');
    expect(run?.heredocs).toEqual([{ name: 'EOF', content: 'x $A\n', isExpanded: true }]);
    expect(cmd?.list).toEqual(['a', 'b']);
  });

  it.each([
    ['', 'cannot be empty'],
    ['RUN x', 'no build stage in current context'],
    ['FROM a b c', 'line 1: FROM requires either one or three arguments'],
    ['FROM scratch\nFOO x', 'line 2: unknown instruction: FOO'],
    ['FROM scratch\n\nRUN', 'line 3: RUN requires at least one argument'],
    ['FROM scratch AS 1x', 'invalid name for build stage'],
  ])('%j is refused', (text, message) => expect(() => parseDockerfile(text)).toThrow(message));

  it('takes the escape directive', () => {
    const { stages } = parseDockerfile('# escape=`\nFROM scratch\nRUN a `\n  b\\\n');
    expect(stages[0]?.instructions[0]?.text).toBe('a   b\\');
  });
});

describe('applyInstructions', () => {
  it.each([
    ['ENV A=1 B="x y" C=$A', { Env: ['OLD=0', 'A=1', 'B=x y', 'C='] }],
    ['ENV OLD the rest', { Env: ['OLD=the rest'] }],
    ['CMD echo $A', { Cmd: ['/bin/sh', '-c', 'echo $A'] }],
    ['CMD ["echo", "$A"]', { Cmd: ['echo', '$A'] }],
    ['ENTRYPOINT ["/x"]', { Entrypoint: ['/x'] }],
    ['SHELL ["/bin/bash", "-c"]', { Shell: ['/bin/bash', '-c'] }],
    ['LABEL a=b "c d"="e f"', { Labels: { a: 'b', 'c d': 'e f' } }],
    ['EXPOSE 80 8000-8002/udp', { ExposedPorts: { '80/tcp': {}, '8000/udp': {}, '8001/udp': {}, '8002/udp': {} } }],
    ['VOLUME ["/a", "/b"]', { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['USER 1000:$OLD', { User: '1000:0' }],
    ['WORKDIR sub/../x', { WorkingDir: '/base/x' }],
    ['STOPSIGNAL SIGQUIT', { StopSignal: 'SIGQUIT' }],
    ['HEALTHCHECK --interval=5s --retries=2 CMD curl -f x', { Healthcheck: { Test: ['CMD-SHELL', 'curl -f x'], Interval: 5e9, Retries: 2 } }],
    ['HEALTHCHECK CMD ["curl", "x"]', { Healthcheck: { Test: ['CMD', 'curl', 'x'] } }],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    ['ONBUILD RUN echo hi', { OnBuild: ['RUN echo hi'] }],
  ])('%s', (line, expected) => expect(applyInstructions({ Env: ['OLD=0'], WorkingDir: '/base' }, [line])).toMatchObject(expected));

  it.each([
    ['RUN x', 'RUN is not a valid change command'],
    ['ENV A', 'ENV must have two arguments'],
    ['ENV A=1 B', "can't find = in"],
    ['EXPOSE 99999', 'invalid containerPort'],
    ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
    ['HEALTHCHECK --interval=5 CMD x', 'invalid duration'],
    ['STOPSIGNAL ??', 'invalid signal'],
    ['SHELL bash', 'JSON form'],
  ])('%s is refused', (line, message) => expect(() => applyInstructions({}, [line])).toThrow(message));

  it('uses the shell set before for shell form', () => {
    expect(applyInstruction({ Shell: ['/bin/bash', '-ec'] }, parseInstruction('CMD x', 1), () => undefined, '\\').Cmd).toEqual(['/bin/bash', '-ec', 'x']);
  });
});

describe('runCommand', () => {
  it.each([
    ['RUN echo hi', ['/bin/sh', '-c', 'echo hi']],
    ['RUN ["echo", "hi"]', ['echo', 'hi']],
    ['RUN <<EOF\necho a\necho b\nEOF', ['/bin/sh', '-c', 'echo a\necho b\n']],
    ['RUN cat <<EOF\nx\nEOF', ['/bin/sh', '-c', 'cat <<EOF\nx\nEOF\n']],
  ])('%j', (source, command) => expect(runCommand(parseInstruction(source, 1), {})).toEqual(command));
});

describe('ArgScope', () => {
  const declare = (scope: ArgScope, ...lines: string[]) => {
    for (const line of lines) scope.declare(parseInstruction(line, 1), ['HIDDEN=env'], '\\');
    return scope.runArguments(['HIDDEN=env']);
  };
  it('takes what is given, then the default, then what was said before FROM; ENV hides it', () => {
    const scope = new ArgScope({ GIVEN: 'g', BARE: null, UNDECLARED: 'u', HTTP_PROXY: 'p' }, new Map([['GLOBAL', 'gl']]));
    expect(declare(scope, 'ARG GIVEN=d', 'ARG BARE=d', 'ARG GLOBAL', 'ARG NOTHING', 'ARG HIDDEN=h', 'ARG HTTP_PROXY', 'ARG TWO=$GIVEN$HIDDEN')).toEqual([
      'BARE=d',
      'GIVEN=g',
      'GLOBAL=gl',
      'TWO=genv',
    ]);
    expect(scope.proxyArguments()).toEqual(['HTTP_PROXY=p']);
  });
});

describe('paths', () => {
  it.each([
    ['/', 'a', '/a'],
    ['/w', '../../../etc', '/etc'],
    ['/w', '/x/./y//z', '/x/y/z'],
  ])('%s + %s = %s', (base, path, expected) => expect(resolvePath(base, path)).toBe(expected));

  it.each([
    ['/w', '.', '/w/'],
    ['/w', './', '/w/'],
    ['', 'x', '/x'],
    ['', '/x/', '/x/'],
    ['', '/', '/'],
    ['/w', 'x/.', '/w/x/'],
  ])('in %j, %s is %s', (workingDir, destination, expected) => expect(toDestination(workingDir, destination)).toBe(expected));

  it.each([
    ['*.txt', 'a.txt', true],
    ['*.txt', 'a/b.txt', false],
    ['[ab]?', 'bc', true],
    ['[^ab]?', 'bc', false],
    ['a\\*', 'a*', true],
    ['a.c', 'abc', false],
  ])('%s ~ %s: %s', (pattern, name, matches) => expect(toMatcher(pattern).test(name)).toBe(matches));
});
