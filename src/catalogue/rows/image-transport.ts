import type { Row } from '../row.ts'

/** The way to the registry: certificates, protocol, names, connections, and the registry's own failures. */
export const IMAGE_TLS_ROWS: readonly Row[] = [
  {
    id: 'registry-speaks-http',
    cause: 'TLSHTTPMismatch',
    any: [
      'server gave http response to https client',
      'first record does not look like a tls handshake',
      'client sent an http request to an https server',
      'oversized record received with length',
      'malformed http response "x15',
      'malformed http response "\\x15',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "10.1.0.7:5000/web:1.2": rpc error: code = Unknown desc = Error response from daemon: Get "https://10.1.0.7:5000/v2/": http: server gave HTTP response to HTTPS client',
    },
    source: 'golang/go src/net/http/transport.go, src/crypto/tls/conn.go',
    explain:
      'One side uses plain HTTP and the other TLS. Give the registry a certificate, or declare it insecure in the configuration of the runtime on every node.',
  },
  {
    id: 'registry-certificate-untrusted',
    cause: 'TLSUntrusted',
    during: ['pull'],
    any: [
      'x509: ',
      'failed to verify certificate',
      'certificate signed by unknown authority',
      'certificate has expired',
      'remote error: tls: ',
      'tls: bad certificate',
      'tls: handshake failure',
      'tls: unknown certificate',
      'certificate verify failed',
      'tls: protocol version not supported',
      'tls: server selected unsupported protocol',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": rpc error: code = Unknown desc = failed to pull and unpack image "registry.example.com/web:1.2": failed to resolve reference "registry.example.com/web:1.2": failed to do request: Head "https://registry.example.com/v2/web/manifests/1.2": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    },
    source: 'golang/go src/crypto/x509/verify.go',
    explain:
      "The node does not trust the registry's certificate: its authority is unknown, its name differs or it has expired (check the node's clock too). Add the authority to the runtime's certs.d or the system's store.",
  },
  {
    id: 'registry-name-unresolved',
    cause: 'RegistryDNSFailure',
    during: ['pull'],
    any: [
      'no such host',
      'dial tcp: lookup ',
      'temporary failure in name resolution',
      'server misbehaving',
      'could not resolve host',
      ': lookup ',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": rpc error: code = Unknown desc = Error response from daemon: Get https://registry.example.com/v2/: dial tcp: lookup registry.example.com on 10.1.0.2:53: no such host',
    },
    source: 'golang/go src/net/net.go (DNSError)',
    explain:
      "The node could not resolve the registry's name. Correct the name, or the node's resolver; cluster DNS is not involved.",
  },
]

const NO_ANSWER = [
  'i/o timeout',
  'connection refused',
  'tls handshake timeout',
  'client.timeout exceeded',
  'request canceled while waiting for connection',
  'no route to host',
  'connection reset by peer',
  'network is unreachable',
  'connection timed out',
  'operation timed out',
  'context deadline exceeded',
  'deadline exceeded',
  'unexpected eof',
  'broken pipe',
  'host is down',
  'proxyconnect tcp',
  'use of closed network connection',
  'server sent goaway',
  'timeout awaiting response headers',
  'server closed idle connection',
  'connection was forcibly closed',
  'http2: client connection',
  'http2: timeout',
  'stream error: stream id',
  'cannot assign requested address',
  'dial tcp ',
  'network timed out',
  'registryunavailable',
  'registry is unavailable',
  'network connection',
  'timeout was reached',
  'download stalled',
  'read: connection',
] as const

export const IMAGE_TRANSPORT_ROWS: readonly Row[] = [
  {
    id: 'registry-unanswered',
    cause: 'RegistryUnreachable',
    during: ['pull'],
    any: NO_ANSWER,
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": rpc error: code = Unknown desc = Error response from daemon: Get "https://registry.example.com/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    },
    source: 'golang/go src/net, src/net/http',
    explain:
      "The node cannot connect to the registry, or the connection broke. Check the route, the firewall, the runtime's proxy and the registry itself.",
  },
  {
    id: 'registry-connection-ended',
    cause: 'RegistryUnreachable',
    during: ['pull'],
    any: [': eof', ' eof'],
    all: [{ re: ':? "?eof("|\\)|$| )' }],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": rpc error: code = Unknown desc = failed to pull and unpack image "registry.example.com/web:1.2": failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://registry.example.com/v2/web/blobs/sha256:9d1f": EOF',
    },
    source: 'golang/go src/io/io.go (EOF)',
    explain:
      'The registry, or a hop on the way, closed the connection without an answer. Check the proxies and load balancers in front of it.',
  },
  {
    id: 'registry-failed',
    cause: 'RegistryServerError',
    during: ['pull'],
    any: [
      '500 internal server error',
      '501 not implemented',
      '502 bad gateway',
      '503 service unavailable',
      '503 service temporarily unavailable',
      '504 gateway time',
      'received unexpected http status: 5',
      'unexpected http status: 5',
      'unexpected http response: 5',
      'unexpected status code 5',
      'statuscode: 5',
      'status code 5',
      'status 500',
      'status 502',
      'status 503',
      'status 504',
      'error parsing http 5',
      'internal server error',
      'bad gateway',
      'service unavailable',
      'gateway timeout',
      'unknown: internal',
      'unknown: unknown error',
      'web server is down',
      ': 520 ',
      ': 521 ',
      ': 522 ',
      ': 524 ',
      ': 525 ',
      ': 530 ',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": rpc error: code = Unknown desc = Error response from daemon: received unexpected HTTP status: 502 Bad Gateway',
    },
    source:
      'distribution/distribution internal/client/errors.go; containerd/containerd core/remotes/docker/resolver.go; containers/image docker/errors.go',
    explain:
      "The registry answered with an internal error. Check the registry's state and log, or the provider's status page.",
  },
  {
    id: 'pull-canceled',
    cause: 'PullThrottled',
    during: ['pull'],
    any: ['context canceled', 'request canceled'],
    not: ['client.timeout', 'while waiting for connection', 'manifest unknown'],
    sample: {
      reason: 'Failed',
      message: 'Failed to pull image "web:1.2": rpc error: code = Unknown desc = context canceled',
    },
    source:
      'kubernetes/kubernetes (1.23) pkg/kubelet/dockershim/libdocker/kube_docker_client.go; containerd/containerd internal/cri/server/images/image_pull.go',
    explain:
      'The pull was cancelled because it made no progress for too long, as when many large images are pulled at once. It is retried; a closer mirror helps.',
  },
  {
    id: 'registry-request-failed',
    cause: 'RegistryUnreachable',
    during: ['pull'],
    any: ['failed to do request: '],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "registry.example.com/web:1.2": failed to pull and unpack image "registry.example.com/web:1.2": failed to resolve reference "registry.example.com/web:1.2": failed to do request: Head "https://registry.example.com/v2/web/manifests/1.2": socks connect tcp 10.1.0.9:1080->registry.example.com:443: unknown error general SOCKS server failure',
    },
    source: 'containerd/containerd core/remotes/docker/resolver.go',
    explain: "The request did not reach the registry. Check the route and the runtime's proxy.",
  },
]
