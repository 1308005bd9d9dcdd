{{/* Names do not depend on the release's name: there is one podmend per cluster, and the command, policies and alerts expect these names. */}}
{{- define "podmend.account" -}}podmend-controller{{- end }}

{{- define "podmend.selector" -}}
app.kubernetes.io/name: podmend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* Labels of every object: https://helm.sh/docs/chart_best_practices/labels */}}
{{- define "podmend.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: podmend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: podmend
{{- end }}

{{- define "podmend.image" -}}
{{- with .Values.image -}}
{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Refuses flags that the chart derives from other values. */}}
{{- define "podmend.refuseOwnFlags" -}}
{{- $instead := dict
  "--http-port" "probes and Service expect 8080"
  "--http-host" "probes must reach the server"
  "--read-pull-secrets" "use readPullSecrets.enabled, which binds the role as well"
  "--no-read-pull-secrets" "use readPullSecrets.enabled"
  "--registry-hosts-dir" "use controller.registryHosts"
  "--agent-image" "use agent.image"
  "--agent-image-pull-policy" "use agent.image.pullPolicy"
  "--agent-image-pull-secret" "use imagePullSecrets"
  "--agent-system-bus" "use agent.systemBus.socket"
  "--agent-app-armor-profile" "use agent.appArmorProfile"
  "--agent-se-linux-options" "use agent.seLinuxOptions"
  "--kubeconfig" "the controller uses its own service account" -}}
{{- range .Values.controller.extraArgs }}
{{- $flag := first (splitList "=" .) }}
{{- with get $instead $flag }}
{{- fail (printf "controller.extraArgs: %s is set by the chart: %s" $flag .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "podmend.agentSelector" -}}
app.kubernetes.io/name: podmend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end }}

{{- define "podmend.agentImage" -}}
{{- with .Values.agent.image -}}
{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Inspect changes nothing and is always allowed; each other verb needs its action enabled. */}}
{{- define "podmend.agentVerbs" -}}
Inspect
{{- if .Values.actions.recycleSandbox.enabled }},RecycleSandbox{{ end }}
{{- if .Values.actions.restartRuntime.enabled }},RestartRuntime{{ end }}
{{- end }}

{{/* Refuses actions that need what is not enabled. */}}
{{- define "podmend.needsAgent" -}}
{{- if not .Values.agent.enabled }}
{{- range splitList " " (include "podmend.actionsNeedingAgent" .) }}
{{- if (get $.Values.actions .).enabled }}
{{- fail (printf "actions.%s.enabled needs the node agent: set agent.enabled=true as well" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.actions.restartRuntime.enabled (not .Values.agent.systemBus.enabled) }}
{{- fail "actions.restartRuntime.enabled restarts units through systemd: set agent.systemBus.enabled=true as well" }}
{{- end }}
{{- if and .Values.actions.recycleSandbox.enabled (not .Values.agent.criSocket) }}
{{- fail "actions.recycleSandbox.enabled removes sandboxes through the runtime: set agent.criSocket as well" }}
{{- end }}
{{- end }}
