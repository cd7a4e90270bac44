import type { ImagePart } from '../../protocol/index.ts'

/** Base64 prefixes of image formats. */
const BEGINNINGS: readonly (readonly [beginning: string, type: string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
]

/** Base64 images as `data:` URLs, their format detected by prefix. Unknown ones are labelled PNG. */
export function imageParts(images: readonly string[] | null | undefined): ImagePart[] {
  return (images ?? []).map((data) => {
    if (data.startsWith('data:')) return { type: 'image_url', image_url: { url: data } }
    const type = BEGINNINGS.find(([beginning]) => data.startsWith(beginning))?.[1] ?? 'image/png'
    return { type: 'image_url', image_url: { url: `data:${type};base64,${data}` } }
  })
}
