import { percentile, type Report, round } from '../report.ts'
import { reloads } from './reloads.ts'
import { revocation } from './revocation.ts'
import { rollingRestart } from './rolling-restart.ts'
import { WATCHDOG_S, watchdog } from './watchdog.ts'

/** What those who run a swarm do from day to day, on whole processes over loopback, under load. */
export async function operations(quick: boolean): Promise<Report> {
  const revoked = await revocation()
  const reloaded = await reloads(quick ? 5 : 20)
  const restarted = await rollingRestart(quick ? 1 : 3)
  const hung = await watchdog()
  const seconds = (ms: number): number => round(ms / 1_000)
  return {
    title: 'operations on whole processes over loopback, 8 callers that do not retry',
    rows: [
      {
        what: 'a node is revoked: its open stream ends',
        seconds: seconds(revoked.streamEndedMs),
        lost: '',
        answered: '',
      },
      {
        what: `a gateway reloads, ${reloaded.reloads} times`,
        seconds: seconds(percentile(reloaded.reloadMs, 0.5)),
        lost: reloaded.lost.length,
        answered: reloaded.answered,
      },
      {
        what: `all nodes are restarted, ${restarted.restarts} restarts`,
        seconds: seconds(percentile(restarted.restartMs, 0.5)),
        lost: restarted.lost.length,
        answered: restarted.answered,
      },
      {
        what: 'a gateway hangs: another one answers',
        seconds: seconds(hung.noticedMs + hung.restartedMs),
        lost: '',
        answered: '',
      },
    ],
    notes: [
      `the command \`skein swarm revoke\` itself took ${seconds(revoked.commandMs)} s, of which most is its start`,
      'a reload, and a restart: the median of one, from the signal to the event that says it is done',
      `a process that hangs is noticed after the watchdog's period (here ${WATCHDOG_S} s, in the unit 60 s), and answers ${seconds(hung.restartedMs)} s later`,
      ...[...reloaded.lost, ...restarted.lost].slice(0, 5).map((reason) => `lost: ${reason}`),
    ],
  }
}
