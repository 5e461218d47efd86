/**
 * Makes the platform's secrets for Kubernetes and prints them as a manifest. Once for each platform, never again:
 *
 *     node scripts/make-kubernetes-secrets.ts | kubectl create -f -
 *
 * `create` refuses to replace what exists, and immutable Secrets refuse it too: field keys that are lost are data that
 * is lost. Keep a copy where nobody else reads it (docs/operations/backup.md).
 */
import { kubernetesSecrets } from './kubernetes/secrets.ts';

console.log(kubernetesSecrets());
