# The image of the operator and, with --target agent, of the node agent: `npm run image`, or
#   docker build -t podmend --build-arg VERSION=… --build-arg REVISION=$(git rev-parse HEAD) .
# You can replace both bases: BUILD_BASE needs npm and a shell, BASE the libraries of glibc and C++ (libc6, libstdc++6) and
# CA certificates. Node is the version of the lock file, which the tests use too.
ARG BUILD_BASE=docker.io/library/node:26-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY scripts/build.ts scripts/
COPY scripts/build scripts/build
COPY src src
RUN npm run build \
 && npm sbom --sbom-format spdx --omit dev > dist/sbom.spdx.json \
 && mkdir -p /node/bin /node/lib \
 && cp node_modules/node/bin/node /node/bin/ \
 && cp -L /usr/lib/*/libatomic.so.1 /node/lib/

# The programs that list firewall chains, with their libraries: two programs of Debian under several names.
FROM ${BUILD_BASE} AS chains
RUN test -x /usr/sbin/iptables-nft-save || (apt-get update && apt-get install --yes --no-install-recommends iptables)
RUN lib=$(dirname /usr/lib/*/libxtables.so.12) \
 && mkdir -p /chains/usr/sbin /chains$lib \
 && cp /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /chains/usr/sbin/ \
 && ln -s xtables-nft-multi /chains/usr/sbin/iptables-nft-save \
 && ln -s xtables-legacy-multi /chains/usr/sbin/iptables-legacy-save \
 && cp -L $lib/libxtables.so.12 $lib/libip4tc.so.2 $lib/libip6tc.so.2 $lib/libnftnl.so.11 $lib/libmnl.so.0 /chains$lib/ \
 && cp -r $lib/xtables /chains$lib/

# The node agent. Its pod sets user root, because the system bus and the runtime accept only root.
FROM ${BASE} AS agent
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podmend-agent" \
      org.opencontainers.image.description="Inspects its node and executes podmend's tasks there, from a closed list" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=chains /chains/ /
COPY --from=build /node/lib/ /usr/lib/
COPY --from=build /node/bin/node /usr/local/bin/node
COPY package.json LICENSE /app/
COPY --from=build /src/dist/agent.js /src/dist/install-*.js /src/dist/chunk-*.js /src/dist/sbom.spdx.json /app/dist/
USER 65532:65532
WORKDIR /app
# The agent works for milliseconds at a time: a small young generation keeps memory low.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "/app/dist/agent.js"]

FROM ${BASE} AS controller
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podmend" \
      org.opencontainers.image.description="Repairs broken pods within the policies of the cluster's owner, and verifies each repair" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Node needs libatomic, which the base lacks; /usr/lib is always searched.
COPY --from=build /node/lib/ /usr/lib/
COPY --from=build /node/bin/node /usr/local/bin/node
COPY package.json LICENSE /app/
COPY manifests/rbac.yaml /app/manifests/
COPY --from=build /src/dist /app/dist
# A number, so that the kubelet can check that it is not root.
USER 65532:65532
WORKDIR /app
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/controller.js"]
