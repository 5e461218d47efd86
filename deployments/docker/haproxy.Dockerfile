# HAProxy in front of the gateways: docker build -f deployments/docker/haproxy.Dockerfile .
FROM debian:bookworm-slim
ARG VERSION=unknown
ARG SOURCE=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sotto-haproxy" \
  org.opencontainers.image.description="HAProxy of Debian in front of Sotto, a self-hosted, end-to-end encrypted messaging platform" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="MIT AND GPL-2.0-or-later"
RUN apt-get update && apt-get install -y --no-install-recommends haproxy openssl && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner 65532 --group 65532 --mode 700 /certificates
COPY deployments/docker/haproxy.cfg /etc/haproxy/haproxy.cfg
COPY --chmod=755 deployments/docker/haproxy-start.sh /usr/local/bin/haproxy-start
USER 65532:65532
EXPOSE 8080 8443
# Takes no more, and lets what is under way end.
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --start-interval=1s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8404 && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["haproxy-start"]
