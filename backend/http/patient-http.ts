import type { EngineHttp } from './engine-http.ts'

/** The same engine, whose calls wait as those of a request do: as long as it shows signs of life, within the signal. */
export function patientHttp(http: EngineHttp): EngineHttp {
  return {
    baseUrl: http.baseUrl,
    get: (path, options) => http.get(path, { ...options, isRequest: true }),
    post: (path, body, options) => http.post(path, body, { ...options, isRequest: true }),
    delete: (path, body, options) => http.delete(path, body, { ...options, isRequest: true }),
    stream: (path, body, options) => http.stream(path, body, { ...options, isRequest: true }),
    requireConnection: (path, options) => http.requireConnection(path, options),
    watchBy: (path) => http.watchBy(path),
  }
}
