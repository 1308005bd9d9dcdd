# The operator's image and, with --target agent, the node agent's: `npm run image`, or
#   docker build -t podmend --build-arg VERSION=… --build-arg REVISION=$(git rev-parse HEAD) .
# Both bases can be others: BUILD_BASE needs npm and a shell, BASE the libraries of glibc and C++ (libc6, libstdc++6) and
# certificates. Node itself is the one that the lock file names, so that what is shipped is what was tested.
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

# The programs that print a firewall's chains, with their libraries: two programs under several names, Debian's own.
FROM ${BUILD_BASE} AS chains
RUN test -x /usr/sbin/iptables-nft-save || (apt-get update && apt-get install --yes --no-install-recommends iptables)
RUN lib=$(dirname /usr/lib/*/libxtables.so.12) \
 && mkdir -p /chains/usr/sbin /chains$lib \
 && cp /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /chains/usr/sbin/ \
 && ln -s xtables-nft-multi /chains/usr/sbin/iptables-nft-save \
 && ln -s xtables-legacy-multi /chains/usr/sbin/iptables-legacy-save \
 && cp -L $lib/libxtables.so.12 $lib/libip4tc.so.2 $lib/libip6tc.so.2 $lib/libnftnl.so.11 $lib/libmnl.so.0 /chains$lib/ \
 && cp -r $lib/xtables /chains$lib/

# What runs on each node. The pod makes it root: the system bus and the runtime listen to nobody else.
FROM ${BASE} AS agent
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podmend-agent" \
      org.opencontainers.image.description="Looks at its node and carries out podmend's orders to it, from a closed list" \
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
# It works for milliseconds at a time: memory that is young is collected soon rather than kept.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "/app/dist/agent.js"]

FROM ${BASE} AS controller
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podmend" \
      org.opencontainers.image.description="Repairs broken pods as their cluster's owner allowed, and proves that it helped" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Node needs libatomic, which the base lacks; /usr/lib is searched everywhere.
COPY --from=build /node/lib/ /usr/lib/
COPY --from=build /node/bin/node /usr/local/bin/node
COPY package.json LICENSE /app/
COPY manifests/rbac.yaml /app/manifests/
COPY --from=build /src/dist /app/dist
# A number, so that a kubelet can see for itself that it is not root.
USER 65532:65532
WORKDIR /app
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/controller.js"]
