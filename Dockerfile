#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t glance_exporter .
#   docker run -p 10292:10292 -v /etc/openstack:/etc/openstack:ro glance_exporter --cloud=NAME

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG REVISION=unknown
ARG BRANCH=unknown
RUN info=github.com/prometheus/common/version && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X $info.Version=$(cat VERSION) -X $info.Revision=$REVISION -X $info.Branch=$BRANCH -X $info.BuildUser=docker -X $info.BuildDate=$(date -u +%Y%m%d-%H:%M:%S)" \
      -o /out/glance_exporter .

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glance_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the image inventory of OpenStack clouds" \
      org.opencontainers.image.source="https://github.com/glance-exporter/glance_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$REVISION"
# The roots that Keystone's and Glance's certificates are checked against.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /out/glance_exporter /bin/glance_exporter
USER 65534:65534
EXPOSE 10292
ENTRYPOINT ["/bin/glance_exporter"]
