/** Under which the platform's `fetch` keeps its dispatcher, which the process may have set, e.g. for a proxy. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1')

interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

/**
 * The platform's `fetch` without its own limits of 300 seconds for the headers and for each gap in the body: engines
 * that read a long prompt send nothing for longer. The deadlines of a call are those of its signal.
 */
export async function patientFetch(url: string, init: RequestInit): Promise<Response> {
  // Loads what sets the dispatcher.
  void globalThis.Response
  const globals = globalThis as unknown as Readonly<Record<symbol, Dispatcher | undefined>>
  const dispatcher = globals[DISPATCHER]
  if (dispatcher === undefined) return await fetch(url, init)
  const patient: Dispatcher = {
    dispatch: (options, handler) =>
      dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
  }
  return await fetch(url, { ...init, dispatcher: patient } as RequestInit)
}
