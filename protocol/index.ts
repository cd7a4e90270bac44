/**
 * The contract between peers, for the rooms of this package. What users get is `public.ts`: the same without what only
 * Skein's own peers need.
 *
 * @packageDocumentation
 */

export { type AvailableModel, messageWithModels } from './available-models.ts'
export { ByteBudget, type Claim, type Holder, SMALL_CLAIM_BYTES } from './byte-budget.ts'
export {
  type Badge,
  type Certificate,
  type MemberRole,
  memberName,
  openBadge,
  openCertificate,
  openIssuerCertificate,
  sealBadge,
  sealCertificate,
  swarmIdOf,
} from './certificate.ts'
export {
  CIRCUIT_PROTOCOLS,
  type CircuitStatus,
  decodeHopAnswer,
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeHopRequest,
  encodeStopRequest,
  type HopAnswer,
  type HopRequest,
  MAX_CIRCUIT_MESSAGE_BYTES,
} from './circuit.ts'
export { defined } from './defined.ts'
export {
  DIAL_BACK_NONCE_BYTES,
  type DialBackOutcome,
  type DialBackTarget,
  decodeDialBackNonce,
  decodeDialBackRequest,
  decodeDialBackResponse,
  encodeDialBackNonce,
  encodeDialBackRequest,
  encodeDialBackResponse,
  MAX_DIAL_BACK_REQUEST_BYTES,
} from './dial-back.ts'
export {
  type DirectPathCandidate,
  type DirectPathSide,
  decodeDirectPathAnswer,
  decodeDirectPathOffer,
  encodeDirectPathAnswer,
  encodeDirectPathOffer,
} from './direct-path.ts'
export { ADVERTISEMENT_DOMAIN, RECEIPT_DOMAINS } from './ids.ts'
export { depthOf, hasAtMost } from './json-bounds.ts'
export {
  JsonCounter,
  type JsonShape,
  measureJson,
  parsedBytes,
  readingBytes,
} from './json-shape.ts'
export { listOf } from './list-of.ts'
export { isLoopbackAddress } from './loopback.ts'
export {
  type ClosedInvite,
  type InviteEntry,
  type MemberList,
  openMemberList,
  type Revocation,
  sealMemberList,
} from './member-list.ts'
export {
  type Admission,
  decodeMembershipAnswer,
  decodeMembershipQuestion,
  encodeMembershipAnswer,
  encodeMembershipQuestion,
  isJoinSigned,
  type JoinRequest,
  type ListHead,
  MAX_MEMBERSHIP_BYTES,
  type MemberHello,
  type MembershipAnswer,
  type MembershipQuestion,
  type MembershipRefusal,
  signJoin,
} from './membership-exchange.ts'
export { plainError } from './plain-text.ts'
export * from './public.ts'
export { drawBytes, drawHex } from './random-bytes.ts'
export {
  countersign,
  draftReceipt,
  openDraft,
  openReceipt,
  outputHashOf,
  type Receipt,
  type ReceiptBody,
} from './receipt.ts'
export {
  decodeReceiptRequest,
  decodeReceiptResponse,
  encodeReceiptRequest,
  encodeReceiptResponse,
  type ReceiptRequest,
  type ReceiptResponse,
} from './receipt-exchange.ts'
export { embeddingInputs, requestJson } from './request.ts'
export {
  ANSWER_PREFIX,
  hintsOf,
  type Requirements,
  requirementsOf,
  TOKEN_INPUT,
} from './requirements.ts'
export { RESUME_FORMS, type ResumeForm, resumeField, resumeFormsOf } from './resume-forms.ts'
export { type Rotation, secretDigest } from './rotation.ts'
export {
  decodeSightingResponse,
  encodeSightingResponse,
  openSighting,
  type Sighting,
  type SightingResponse,
  sealSighting,
} from './sighting.ts'
export { Tally } from './tally.ts'
export { parseTraceparent } from './trace-context.ts'
