#   docker build --build-arg VERSION="$(cat VERSION)" --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" -t glance_exporter .
#   docker run --read-only --cap-drop=ALL -p 10292:10292 -v /etc/openstack:/etc/openstack:ro glance_exporter --cloud=NAME
#
# docs/install.md tells who must be able to read clouds.yaml.

# The stage "build" leaves the image's files below /out. It runs where the builder
# runs, and compiles for where the image will.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG REVISION=unknown
ARG BRANCH=unknown
ARG SOURCE_DATE_EPOCH
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make build && \
    mkdir -p /out/bin && \
    mv glance_exporter /out/bin/ && \
    cp LICENSE /out/ && \
    packaging/licences "$TARGETOS/$TARGETARCH" >/out/LICENSES-OF-MODULES

# No certificates are copied: those of public authorities are in the binary, and
# others are mounted to /etc/ssl/certs/ca-certificates.crt, or named as cacert in
# clouds.yaml.
FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glance_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the image inventory of OpenStack clouds" \
      org.opencontainers.image.source="https://github.com/glance-exporter/glance_exporter" \
      org.opencontainers.image.documentation="https://github.com/glance-exporter/glance_exporter/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /out/ /
# A number, so that Kubernetes can tell that it is not root.
USER 65534:65534
EXPOSE 10292
ENTRYPOINT ["/bin/glance_exporter"]
