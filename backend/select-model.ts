import {
  type AnswerRequest,
  InferenceError,
  type InferenceRequest,
  matchesDigest,
  parseModelReference,
  type Resume,
  requirementsOf,
  resumeField,
  resumeFormsOf,
} from '../protocol/index.ts'
import type { BackendModel } from './backend.ts'

/**
 * The model that a request names, by id, alias or pinned digest.
 *
 * @throws InferenceError `model_not_found`, listing the models served.
 */
export function selectModel(models: readonly BackendModel[], name: string): BackendModel {
  const wanted = parseModelReference(name)
  const found = models.find(
    ({ id, aliases, digest }) =>
      (id === wanted.id || aliases.includes(wanted.id)) &&
      (wanted.digest === undefined || matchesDigest(digest, wanted.digest)),
  )
  if (found !== undefined) return found
  const available = models.map(({ id }) => ({ model: id, peers: 1 }))
  throw new InferenceError('model_not_found', `this engine has no model '${name}'`, {
    details: { param: 'model', available },
  })
}

/**
 * Rejects a request that needs something that the model's engine does not offer.
 *
 * @throws InferenceError `capability_unavailable`, with the field or capability in `details.param`.
 */
export function requireSupport(model: BackendModel, request: InferenceRequest): void {
  const needed = requirementsOf(request)
  const missing =
    needed.capabilities.find((name) => !model.capabilities.includes(name)) ??
    needed.fields.find((name) => !model.fields.includes(name))
  if (missing === undefined) return
  throw new InferenceError(
    'capability_unavailable',
    `${model.id} does not offer '${missing}' here`,
    {
      details: { param: missing },
    },
  )
}

/**
 * {@link requireSupport} for engines without `score`.
 *
 * @throws InferenceError `capability_unavailable`
 */
export function requireAnswerable(
  model: BackendModel,
  request: InferenceRequest,
): asserts request is AnswerRequest {
  requireSupport(model, request)
  if (request.kind !== 'score') return
  throw new InferenceError('capability_unavailable', `${model.id} does not rate answers here`, {
    details: { param: 'score' },
  })
}

/**
 * How a model's engine resumes this answer.
 *
 * @throws InferenceError `not_resumable`
 */
export function resumeMeans(
  model: BackendModel,
  request: InferenceRequest,
  resume: Resume,
): 'ids' | 'text' {
  const by = resume.tokenIds.length > 0 ? 'ids' : 'text'
  const lacking = resumeFormsOf(request, resume).find(
    (form) => !model.fields.includes(resumeField(form, by)),
  )
  const isText = request.kind === 'chat' || request.kind === 'completion'
  const can = by === 'ids' ? model.resume === 'tokens' : model.resume !== 'none'
  if (isText && can && lacking === undefined) return by
  const what = lacking === undefined ? 'an answer' : `an answer with ${lacking}`
  throw new InferenceError('not_resumable', `${model.id} cannot resume ${what} from its ${by} here`)
}
