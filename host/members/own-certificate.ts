import {
  type Admission,
  type Certificate,
  openCertificate,
  openIssuerCertificate,
} from '../../protocol/index.ts'

/** This machine's certificate, and that of the admin that issued it, which is absent if the owner did. */
export interface OwnCertificate {
  readonly certificate: Certificate
  readonly issuerCertificate: Certificate | undefined
}

/** @throws InferenceError `malformed` */
export async function ownCertificateOf(admission: Admission): Promise<OwnCertificate> {
  return {
    certificate: await openCertificate(admission.certificate),
    issuerCertificate: await openIssuerCertificate(admission.issuerCertificate),
  }
}

/** An admin's certificate replaces all others; else the one that lasts longer. */
export function isBetterOwn(a: Certificate, b: Certificate): boolean {
  if (a.role === 'admin' || b.role === 'admin') {
    return a.role === 'admin' && (b.role !== 'admin' || a.expiresAtMs > b.expiresAtMs)
  }
  return a.expiresAtMs > b.expiresAtMs
}
