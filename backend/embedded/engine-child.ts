/** Entry of the engine process: a crash of native code ends this process and nothing else. */
import { InferenceError } from '../../protocol/index.ts'
import { Engine } from './engine.ts'
import type { EngineSettings, FromEngine, RequestEvent, ToEngine } from './messages.ts'

const running = new Map<number, AbortController>()
let engine: Engine | undefined

function send(message: FromEngine): void {
  // Without a parent there is no reader; `disconnect` then ends the process.
  if (process.connected) process.send?.(message)
}

async function start(settings: EngineSettings): Promise<void> {
  try {
    engine = await Engine.load(settings, (fraction) => send({ type: 'progress', fraction }))
    const memoryBytes = process.memoryUsage.rss()
    send({ type: 'ready', facts: engine.facts, rates: engine.rates, memoryBytes })
  } catch (error) {
    send({ type: 'unusable', message: error instanceof Error ? error.message : String(error) })
  }
}

async function infer({ id, request, ...plan }: ToEngine & { type: 'infer' }): Promise<void> {
  const abort = new AbortController()
  running.set(id, abort)
  let evaluatedTokens = 0
  const onEvaluated = (tokens: number): void => {
    evaluatedTokens += tokens
  }
  const report = (event: RequestEvent): void => send({ type: 'event', id, event })
  try {
    if (engine === undefined) throw new InferenceError('loading', 'the model is not loaded yet')
    const { signal } = abort
    const onPrefill = (tokens: number, of: number): void => report({ type: 'prefill', tokens, of })
    const options = { ...plan, signal, onEvaluated, onPrefill }
    for await (const event of engine.infer(request, options)) report(event)
  } catch (error) {
    if (abort.signal.aborted) report({ type: 'cancelled', evaluatedTokens })
    else {
      const { code, message, details } = InferenceError.from(error, 'engine_failed')
      report({ type: 'failed', code, message, details })
    }
  } finally {
    running.delete(id)
  }
}

process.on('message', (message: ToEngine) => {
  switch (message.type) {
    case 'start':
      void start(message.settings)
      break
    case 'infer':
      void infer(message)
      break
    case 'cancel':
      running.get(message.id)?.abort()
      break
    case 'ping':
      send({ type: 'pong' })
      break
    default:
      message satisfies never
  }
})

// Ctrl-C reaches every process of a terminal; the parent decides whether the engine may finish its work.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)
process.on('disconnect', () => process.exit(0))
