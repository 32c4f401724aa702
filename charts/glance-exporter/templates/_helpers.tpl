{{/* Name of everything. */}}
{{- define "glance-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the pods of a release have in common; it must never change, since a deployment's selector cannot. */}}
{{- define "glance-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The pod that is scraped, and not that of "helm test". */}}
{{- define "glance-exporter.exporterLabels" -}}
{{ include "glance-exporter.selectorLabels" . }}
app.kubernetes.io/component: exporter
{{- end -}}

{{- define "glance-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{ include "glance-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* REGISTRY/REPOSITORY:TAG@DIGEST, of which two may be missing. */}}
{{- define "glance-exporter.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{/* The secret that has clouds.yaml; "" where none is needed. */}}
{{- define "glance-exporter.cloudsSecret" -}}
{{- if .Values.clouds -}}
{{- printf "%s-clouds" (include "glance-exporter.fullname" .) -}}
{{- else -}}
{{- .Values.existingSecret -}}
{{- end -}}
{{- end -}}

{{/*
The label instance of all series. The address of the pod would change with each restart, and with it the name of every series,
which alerts and graphs take for another exporter.
*/}}
{{- define "glance-exporter.address" -}}
{{- printf "%s.%s.svc:%d" (include "glance-exporter.fullname" .) .Release.Namespace (int .Values.service.port) -}}
{{- end -}}

{{/*
The clouds of /probe, as a list in JSON. A file of clouds often has more of them than this exporter is for, so that those which are
named anywhere are all.
*/}}
{{- define "glance-exporter.probed" -}}
{{- $clouds := .Values.probe.clouds | default list -}}
{{- if not $clouds -}}
{{- range .Values.probe.targets }}{{ $clouds = append $clouds .cloud }}{{ end -}}
{{- with .Values.cloud }}{{ $clouds = append $clouds . }}{{ end -}}
{{- end -}}
{{- $clouds | uniq | toJson -}}
{{- end -}}

{{/* The region of /metrics, as far as the chart knows it; the program chooses it in the same way. */}}
{{- define "glance-exporter.region" -}}
{{- $entry := index (.Values.clouds | default dict) (.Values.cloud | default "") | default dict -}}
{{- $first := index $entry "regions" | default list | first -}}
{{- if kindIs "map" $first }}{{ $first = $first.name }}{{ end -}}
{{- .Values.region | default (index $entry "region_name") | default $first | default "" -}}
{{- end -}}

{{/* The flags, as a list in YAML. */}}
{{- define "glance-exporter.args" -}}
{{- with .Values.demo }}
- --demo
{{- end }}
{{- if include "glance-exporter.cloudsSecret" . }}
- --clouds-file=/etc/openstack/clouds.yaml
- {{ printf "--config.auto-reload-interval=%s" .Values.reloadInterval | quote }}
{{- end }}
{{- with .Values.cloud }}
- {{ printf "--cloud=%s" . | quote }}
{{- end }}
{{- with .Values.region }}
- {{ printf "--region=%s" . | quote }}
{{- end }}
{{- range include "glance-exporter.probed" . | fromJsonArray }}
- {{ printf "--probe.cloud=%s" . | quote }}
{{- end }}
{{- if .Values.webConfig.existingSecret }}
- --web.config.file=/etc/glance_exporter/web.yml
{{- end }}
{{- range $name, $values := .Values.flags }}
{{- range $value := kindIs "slice" $values | ternary $values (list $values) }}
{{- if kindIs "bool" $value }}
{{- if $value }}
- --{{ $name }}
{{- end }}
{{- else if kindIs "string" $value }}
- {{ printf "--%s=%s" $name $value | quote }}
{{- else }}
- --{{ $name }}={{ int64 $value }}{{/* or a large number would be in another notation */}}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the exporter's container and that of "helm test" have in common. */}}
{{- define "glance-exporter.container" -}}
image: {{ include "glance-exporter.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- range $name, $value := .Values.env }}
  - name: {{ $name | quote }}
    {{- if kindIs "string" $value }}
    value: {{ $value | quote }}
    {{- else }}
    {{- toYaml $value | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- if not (hasKey (.Values.env | default dict) "GOMEMLIMIT") }}
  - name: GOMEMLIMIT
    valueFrom:
      resourceFieldRef:
        resource: limits.memory
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- if include "glance-exporter.volumes" . }}
volumeMounts:
  {{- if include "glance-exporter.cloudsSecret" . }}
  - name: clouds
    mountPath: /etc/openstack{{/* a folder: a file that is mounted by subPath never changes */}}
    readOnly: true
  {{- end }}
  {{- if .Values.webConfig.existingSecret }}
  - name: web
    mountPath: /etc/glance_exporter
    readOnly: true
  {{- end }}
{{- end }}
{{- end -}}

{{/* The volumes, as a list in YAML; "" where there are none. */}}
{{- define "glance-exporter.volumes" -}}
{{- with include "glance-exporter.cloudsSecret" . }}
- name: clouds
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.webConfig.existingSecret }}
- name: web
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* What both kinds of pods have in common. */}}
{{- define "glance-exporter.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false{{/* which would be variables that nobody asked for */}}
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . | quote }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "glance-exporter.volumes" . }}
volumes:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{/* How a monitor speaks with the exporter, beside the scheme. */}}
{{- define "glance-exporter.client" -}}
{{- with .Values.webConfig.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.webConfig.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "glance-exporter.scheme" -}}
{{- if .Values.webConfig.existingSecret }}{{ .Values.webConfig.scheme }}{{ else }}http{{ end -}}
{{- end -}}

{{/* Milliseconds of a duration such as 1m30s. The schema lets no zero lead a number, which would be taken for an octal one. */}}
{{- define "glance-exporter.milliseconds" -}}
{{- $rest := regexReplaceAll "[0-9]+ms$" . "" -}}
{{- $hours := regexFind "[0-9]+h" $rest | trimSuffix "h" | default "0" | int -}}
{{- $minutes := regexFind "[0-9]+m" $rest | trimSuffix "m" | default "0" | int -}}
{{- $seconds := regexFind "[0-9]+s" $rest | trimSuffix "s" | default "0" | int -}}
{{- $milliseconds := regexFind "[0-9]+ms$" . | trimSuffix "ms" | default "0" | int -}}
{{- add (mul 3600000 $hours) (mul 60000 $minutes) (mul 1000 $seconds) $milliseconds -}}
{{- end -}}

{{/* How long "helm test" may read: as long as the exporter may, which is longer where it reads in the background. */}}
{{- define "glance-exporter.testTimeout" -}}
{{- $refresh := index (.Values.flags | default dict) "inventory.refresh-interval" | default "0s" -}}
{{- $milliseconds := include "glance-exporter.milliseconds" $refresh | int -}}
{{- if eq $milliseconds 0 -}}
{{- .Values.serviceMonitor.scrapeTimeout -}}
{{- else -}}
{{- gt $milliseconds 600000 | ternary "10m" $refresh -}}
{{- end -}}
{{- end -}}

{{/*
A file of the repository, by "name", which "pattern" must fit. In a checkout without symbolic links it would be the name of another
file, or nothing at all.
*/}}
{{- define "glance-exporter.file" -}}
{{- $content := .context.Files.Get (printf "files/%s" .name) -}}
{{- if not (regexMatch .pattern $content) -}}
{{- fail (printf "files/%s is not the file that it should be, but perhaps a symbolic link that got lost; install the package that \"make chart\" makes" .name) -}}
{{- end -}}
{{- $content -}}
{{- end -}}

{{/* How the kubelet asks. It has no password, and no certificate where one is demanded. */}}
{{- define "glance-exporter.check" -}}
{{- if .context.Values.webConfig.existingSecret -}}
tcpSocket:
  port: http
{{- else -}}
httpGet:
  path: {{ .path }}
  port: http
{{- end -}}
{{- end -}}

{{/* Whether /metrics has an inventory: "true", or "". */}}
{{- define "glance-exporter.hasInventory" -}}
{{- if or .Values.cloud .Values.demo (index (.Values.flags | default dict) "image.no-auth") }}true{{ end -}}
{{- end -}}
