// Child processes: started, waited for by their ready line, and ended.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Ends a program when its parent ends, however that came about. Debian has it always. */
const SETPRIV = '/usr/bin/setpriv'

const running = new Set<Process>()
process.on('exit', () => {
  for (const each of running) each.child.kill('SIGKILL')
})

/** One child process whose output is kept. */
export class Process {
  /** What it wrote to stdout and stderr. */
  out = ''
  err = ''
  readonly child: ChildProcess

  private constructor(command: string[], options: { cwd?: string; env: NodeJS.ProcessEnv }) {
    // A pipe that nobody writes to: the peers stop when it ends, as it does when this process is killed.
    const tied = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--', ...command] : command
    this.child = spawn(tied[0]!, tied.slice(1), { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdin!.on('error', () => {})
    this.child.stdout!.setEncoding('utf8').on('data', text => (this.out += text))
    this.child.stderr!.setEncoding('utf8').on('data', text => (this.err += text))
    this.child.on('error', error => (this.err += `${error}\n`))
    running.add(this)
    this.child.on('exit', () => running.delete(this))
  }

  /** Starts a program and waits for a line on its stdout; gives what the pattern's first group is. */
  static async start(
    command: string[],
    ready: RegExp,
    options: { cwd?: string; env: NodeJS.ProcessEnv; seconds?: number },
  ): Promise<{ process: Process; ready: string }> {
    const { seconds = 60, ...rest } = options
    const started = new Process(command, rest)
    const end = Date.now() + seconds * 1000
    while (Date.now() < end && started.child.exitCode === null && !started.child.signalCode) {
      const found = ready.exec(started.out)
      if (found) return { process: started, ready: found[1] ?? '' }
      await sleep(10)
    }
    await started.stop('SIGKILL')
    const log = (started.out + started.err).slice(-4000)
    throw new Error(`${command.join(' ')} was not ready (exit ${started.child.exitCode})\n${log}`)
  }

  /** Ends it and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode || this.child.pid === undefined) return
    const gone = once(this.child, 'exit')
    this.child.kill(signal)
    const killer = setTimeout(() => this.child.kill('SIGKILL'), 15_000)
    await gone
    clearTimeout(killer)
  }
}
