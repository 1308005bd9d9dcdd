{{/* Names are fixed, whatever the release is called: one kubemend a cluster, and the command, policies and alerts look for them. */}}
{{- define "kubemend.account" -}}kubemend-controller{{- end }}

{{- define "kubemend.selector" -}}
app.kubernetes.io/name: kubemend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* What every object bears: https://helm.sh/docs/chart_best_practices/labels */}}
{{- define "kubemend.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: kubemend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: kubemend
{{- end }}

{{- define "kubemend.image" -}}
{{- with .Values.image -}}
{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
