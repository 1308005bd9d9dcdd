{{/* Names are fixed, whatever the release is called: one podmend a cluster, and the command, policies and alerts look for them. */}}
{{- define "podmend.account" -}}podmend-controller{{- end }}

{{- define "podmend.selector" -}}
app.kubernetes.io/name: podmend
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* What every object bears: https://helm.sh/docs/chart_best_practices/labels */}}
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

{{/* Flags that would contradict what the chart makes of other values. */}}
{{- define "podmend.refuseOwnFlags" -}}
{{- $instead := dict
  "--http-port" "probes and Service count on 8080"
  "--http-host" "probes must reach it"
  "--read-pull-secrets" "use readPullSecrets.enabled, which binds the role as well"
  "--no-read-pull-secrets" "use readPullSecrets.enabled"
  "--registry-hosts-dir" "use controller.registryHosts"
  "--agent-image" "use agent.image"
  "--agent-image-pull-policy" "use agent.image.pullPolicy"
  "--agent-image-pull-secret" "use imagePullSecrets"
  "--agent-system-bus" "use agent.systemBus.socket"
  "--agent-app-armor-profile" "use agent.appArmorProfile"
  "--agent-se-linux-options" "use agent.seLinuxOptions"
  "--kubeconfig" "it speaks as its own service account" -}}
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

{{/* Inspect is no act; the others only where their action is on. */}}
{{- define "podmend.agentVerbs" -}}
Inspect
{{- if .Values.actions.recycleSandbox.enabled }},RecycleSandbox{{ end }}
{{- if .Values.actions.restartRuntime.enabled }},RestartRuntime{{ end }}
{{- end }}

{{/* Actions that come to nothing without an agent on the node. */}}
{{- define "podmend.needsAgent" -}}
{{- if not .Values.agent.enabled }}
{{- range splitList " " (include "podmend.actionsNeedingAgent" .) }}
{{- if (get $.Values.actions .).enabled }}
{{- fail (printf "actions.%s.enabled needs the agent on the nodes: set agent.enabled=true as well" .) }}
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
