import type { TerminalEnded } from '@gantry/contracts/http-api';
import type { z } from 'zod';

interface ShellOptions {
  hostname: string;
  onOutput: (text: string) => void;
  onEnd: (end: z.infer<typeof TerminalEnded>) => void;
}

/** Just enough of a shell to be typed at: echo, Enter, Backspace, `hostname`, `size`, `exit N`. */
export class FakeShell {
  readonly #options: ShellOptions;
  #line = '';
  #size: { height: number; width: number };

  constructor(options: ShellOptions, size: { height: number; width: number }) {
    this.#options = options;
    this.#size = size;
    this.#prompt();
  }

  resize(size: { height: number; width: number }): void {
    this.#size = size;
  }

  type(text: string): void {
    for (const key of text) this.#press(key);
  }

  #press(key: string): void {
    if (key === '\r') {
      this.#options.onOutput('\r\n');
      this.#run(this.#line.trim());
      this.#line = '';
    } else if (key === '\x7f') {
      if (this.#line === '') return;
      this.#line = this.#line.slice(0, -1);
      this.#options.onOutput('\b \b');
    } else {
      this.#line += key;
      this.#options.onOutput(key);
    }
  }

  #run(line: string): void {
    const [command = '', argument = ''] = line.split(' ');
    if (command === 'exit') {
      this.#options.onEnd({ type: 'ended', exitCode: Number(argument || 0), reason: 'the shell exited' });
      return;
    }
    const answers = new Map([
      ['hostname', this.#options.hostname],
      ['size', `${this.#size.height} ${this.#size.width}`],
      ['', ''],
    ]);
    const answer = answers.get(command) ?? `sh: ${command}: not found`;
    if (answer) this.#options.onOutput(`${answer}\r\n`);
    this.#prompt();
  }

  #prompt(): void {
    this.#options.onOutput('/ # ');
  }
}
