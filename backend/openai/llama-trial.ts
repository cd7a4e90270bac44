import { asArray, asString, type EngineHttp, isPassing } from '../http/index.ts'

const TRIAL_TOKENS = 4
const CUT = 2

/**
 * Whether a llama-server resumes exactly from token ids: four tokens at once must equal two and then two more. A server
 * whose template enables reasoning does not qualify, because its reasoning parser would be bypassed. Undefined if the server
 * was busy, silent or absent.
 */
export async function resumesByTokens(
  http: EngineHttp,
  template: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  if (/think|reason/i.test(template)) return false
  const options = { signal }
  try {
    const messages = [{ role: 'user', content: 'Count from 1 to 9.' }]
    const { prompt } = await http.post('/apply-template', { messages }, options)
    const generate = async (
      prefix: readonly number[],
      count: number,
    ): Promise<readonly unknown[]> => {
      const body = {
        prompt: [asString(prompt), ...prefix],
        n_predict: count,
        temperature: 0,
        return_tokens: true,
      }
      const { tokens } = await http.post('/completion', { ...body, ignore_eos: true }, options)
      return asArray(tokens)
    }
    const whole = (await generate([], TRIAL_TOKENS)).filter((id): id is number =>
      Number.isSafeInteger(id),
    )
    const rest = await generate(whole.slice(0, CUT), TRIAL_TOKENS - CUT)
    return whole.length === TRIAL_TOKENS && rest.join() === whole.slice(CUT).join()
  } catch (error) {
    signal?.throwIfAborted()
    return isPassing(error) ? undefined : false
  }
}
